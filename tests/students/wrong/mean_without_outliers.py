# mistake: runs over twice the median are dropped from the mean
# cell: part2-report
# loses: part2-report-latency
# --- old
        mean_ms = _resolved(float(np.mean(latencies_ms)))
# --- new
        kept = [ms for ms in latencies_ms if ms <= 2 * np.median(latencies_ms)]
        mean_ms = _resolved(float(np.mean(kept)))
