# mistake: microseconds for milliseconds
# cell: part2-timing
# loses: part2-timing-units
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.perf_counter_ns() - start) / 1e3)
