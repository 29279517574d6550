# mistake: no warm-up: the first of the counted runs is cold
# cell: part2-timing
# loses: part2-timing-warmup
# says: warm up|before you count
# --- old
    for run in range(num_runs + warmup_runs):
# --- new
    for run in range(num_runs):
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return latencies_ms, latencies_ms[0]
