# mistake: an error of the model is swallowed
# cell: part2-report
# loses: part2-report-errors
# --- old
            latencies_ms, cold_start_ms = _time_calls(model, X, num_runs)
            accuracy = _accuracy(model.forward(X), y)
            batch = _batch_throughput(model, X)
# --- new
            try:
                latencies_ms, cold_start_ms = _time_calls(model, X, num_runs)
                accuracy = _accuracy(model.forward(X), y)
                batch = _batch_throughput(model, X)
            except RuntimeError:
                return {}
