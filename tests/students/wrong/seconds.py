# mistake: seconds for milliseconds
# cell: part2-timing
# loses: part2-timing-units
# says: from seconds multiply by 1000
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.perf_counter_ns() - start) / 1e9)
