# mistake: latencies in whole milliseconds
# cell: part2-timing
# loses: part2-timing-clock
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.perf_counter_ns() - start) // 1_000_000)
