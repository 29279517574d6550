# mistake: time.time_ns
# cell: part2-timing
# loses: part2-timing-clock
# --- old
        start = time.perf_counter_ns()
# --- new
        start = time.time_ns()
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.time_ns() - start) / 1e6)
