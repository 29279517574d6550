# mistake: sum for mean
# cell: part2-report
# loses: part2-report-latency
# --- old
        mean_ms = _resolved(float(np.mean(latencies_ms)))
# --- new
        mean_ms = _resolved(float(np.sum(latencies_ms)))
