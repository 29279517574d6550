# mistake: time.time, a clock that is set back now and then
# cell: part2-timing
# loses: part2-timing-clock
# says: ^_time_calls: got .* ms when the wall clock was set back, expected 0\.25 ms: use a monotonic clock, and do not round \(Part 2, The timing loop\)$
# --- old
        start = time.perf_counter_ns()
# --- new
        start = time.time()
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.time() - start) * 1e3)
