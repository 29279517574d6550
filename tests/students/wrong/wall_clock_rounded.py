# mistake: time.time rounded to a millisecond
# cell: part2-timing
# loses: part2-timing-clock
# --- old
        start = time.perf_counter_ns()
# --- new
        start = round(time.time(), 3)
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((round(time.time(), 3) - start) * 1e3)
