# mistake: time.time, a clock that is set back now and then
# cell: part2-timing
# loses: part2-timing-clock
# says: monotonic clock
# --- old
        start = time.perf_counter_ns()
# --- new
        start = time.time()
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.time() - start) * 1e3)
