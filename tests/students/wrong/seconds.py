# mistake: seconds for milliseconds
# cell: part2-timing
# loses: part2-timing-units
# says: ^latency_ms: got 0\.004, expected about 4: results are in milliseconds; from seconds multiply by 1000.*\(Part 2, The timing loop\)$
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((time.perf_counter_ns() - start) / 1e9)
