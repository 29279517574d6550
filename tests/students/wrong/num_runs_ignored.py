# mistake: num_runs is not passed on
# cell: part2-report
# loses: part2-report-latency
# --- old
            latencies_ms, cold_start_ms = _time_calls(model, X, num_runs)
# --- new
            latencies_ms, cold_start_ms = _time_calls(model, X, 100)
