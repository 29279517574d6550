# mistake: no warm-up: the first of the counted runs is cold
# cell: part2-timing
# loses: part2-timing-warmup
# says: ^_time_calls: the slowest run takes 251 times as long when the first call of all is cold, expected once as long: call the model at least once before you count \(Part 2, trap 3\)$
# --- old
    for run in range(num_runs + warmup_runs):
# --- new
    for run in range(num_runs):
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return latencies_ms, latencies_ms[0]
