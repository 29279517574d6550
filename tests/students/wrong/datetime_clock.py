# mistake: datetime.now, a wall clock as well
# cell: part2-timing
# loses: part2-timing-clock
# --- old
        start = time.perf_counter_ns()
# --- new
        start = datetime.now()
# --- old
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
# --- new
        latencies_ms.append((datetime.now() - start).total_seconds() * 1e3)
