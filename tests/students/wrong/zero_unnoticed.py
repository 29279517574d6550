# mistake: a mean of 0 is replaced by a tiny one
# cell: part2-report
# loses: part2-report-errors
# --- old
        mean_ms = _resolved(float(np.mean(latencies_ms)))
# --- new
        mean_ms = max(float(np.mean(latencies_ms)), 1e-9)
