# mistake: garbage collection runs while calls are timed
# cell: part2-report
# loses: part2-report-errors
# --- old
        with _measuring():
# --- new
        with contextlib.nullcontext():
