# style: benchmark_model does everything itself and calls none of the pieces
# %% cell part2-report
#| export
class BenchmarkReport:
    "Measures one model: six metrics and more in `metrics`, after `benchmark_model` has fully succeeded."
    comparison = None  # a paired comparison with the baseline (module 19), as a dict

    def __init__(self, model_name="model"):
        self.__dict__.update(model_name=model_name, metrics={}, provenance={}, system_info=_system_info(), timestamp=datetime.now(timezone.utc).isoformat())

    def benchmark_model(self,
        model, # forward(x), and parameters() or count_parameters()
        X_test, # samples, (n, features)
        y_test, # class indices, (n,)
        num_runs=100, # single-sample calls that count
    ): # the metrics, a dict of plain numbers
        "Measure `model`; `ValueError` for inputs, scores or a clock that cannot be used. Latencies are in ms."
        self.metrics, self.provenance, self.comparison = {}, {}, None
        X, y = _checked(X_test, y_test, num_runs)
        n = X.shape[0]
        with _measuring():
            ms = []
            for i in range(num_runs + 10):
                row = X[i % n:i % n + 1]
                start = time.perf_counter_ns()
                model.forward(row)
                ms.append((time.perf_counter_ns() - start) / 1e6)
            begin = time.perf_counter_ns()
            scores = _class_scores(model.forward(X), n)
            batch_seconds = (time.perf_counter_ns() - begin) / 1e9
        if y.max() >= scores.shape[1]: raise ValueError("labels: more classes than scores")
        cold, ms = ms[0], ms[10:]
        mean, accuracy = sum(ms) / len(ms), float((scores.argmax(1) == y).mean())
        if mean <= 0: raise ValueError(f"latency of 0: the clock's resolution, {time.get_clock_info('perf_counter').resolution} s, is too coarse")
        std = (sum((m - mean) ** 2 for m in ms) / len(ms)) ** 0.5
        size = model.size_bytes() if hasattr(model, "size_bytes") else sum(_array(p).nbytes for p in model.parameters())
        self.provenance = _provenance(model, X, y, num_runs, 10)
        self.metrics = {"accuracy": accuracy, "parameter_count": _count(model), "model_size_mb": size / 1048576,
                        "latency_ms_mean": mean, "latency_ms_std": std, "throughput_samples_per_sec": 1000 / mean, "num_runs": num_runs, "warmup_runs": 10,
                        "cold_start_ms": cold, "batch_size": n, "batch_throughput_samples_per_sec": n / batch_seconds,
                        **_percentiles(ms), **_accuracy_interval(accuracy, n)}
        return self.metrics

    def __repr__(self): return _summary(self)
    def _repr_html_(self): return _table(self)
