# mistake: garbage collection stays off after an error
# cell: part2-report
# loses: part2-report-errors
# --- old
        with _measuring():
            latencies_ms, cold_start_ms = _time_calls(model, X, num_runs)
            accuracy = _accuracy(model.forward(X), y)
            batch = _batch_throughput(model, X)
# --- new
        gc.disable()
        latencies_ms, cold_start_ms = _time_calls(model, X, num_runs)
        accuracy = _accuracy(model.forward(X), y)
        batch = _batch_throughput(model, X)
        gc.enable()
