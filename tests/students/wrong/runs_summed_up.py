# mistake: the clock is started once: each latency is the time since then
# cell: part2-timing
# loses: part2-timing-samples
# --- old
    latencies_ms = []
# --- new
    latencies_ms = []
    for run in range(warmup_runs):
        begin = time.perf_counter_ns()
        model.forward(rows[run % len(rows)])
        cold_ms = (time.perf_counter_ns() - begin) / 1e6 if run == 0 else cold_ms
    start = time.perf_counter_ns()
# --- old
    for run in range(num_runs + warmup_runs):
        row = rows[run % len(rows)]
        start = time.perf_counter_ns()
# --- new
    for run in range(num_runs):
        row = rows[run % len(rows)]
# --- old
    return latencies_ms[warmup_runs:], latencies_ms[0]
# --- new
    return latencies_ms, cold_ms
