# mistake: the mean in place of each run
# cell: part2-timing
# loses: part2-timing-samples
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return [sum(latencies_ms[warmup_runs:]) / num_runs] * num_runs, latencies_ms[0]
