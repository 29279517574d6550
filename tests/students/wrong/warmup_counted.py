# mistake: warm-up counted with the runs
# cell: part2-timing
# loses: part2-timing-warmup
# says: warm-up calls are not counted
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return latencies_ms, latencies_ms[0]
