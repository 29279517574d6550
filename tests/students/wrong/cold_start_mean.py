# mistake: the cold start is the mean of the warm-up
# cell: part2-timing
# loses: part2-timing-warmup
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return latencies_ms[warmup_runs:], sum(latencies_ms[:warmup_runs]) / warmup_runs
