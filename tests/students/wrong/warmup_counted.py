# mistake: warm-up counted with the runs
# cell: part2-timing
# loses: part2-timing-warmup
# says: ^_time_calls: got 20 latencies for 10 runs, expected 10: warm-up calls are not counted \(Part 2, trap 3\)$
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return latencies_ms, latencies_ms[0]
