# style: garbage collection and state held by hand, copies for the caller
# %% cell part2-report
#| export
class BenchmarkReport:
    "Measures one model: six metrics and more in `metrics`, after `benchmark_model` has fully succeeded."
    comparison = None  # a paired comparison with the baseline (module 19), as a dict

    def __init__(self, model_name="model"):
        self.model_name = model_name
        self._reset()
        self.system_info = _system_info()
        from zoneinfo import ZoneInfo
        self.timestamp = datetime.now(ZoneInfo("UTC")).isoformat(timespec="seconds")

    def benchmark_model(self,
        model, # forward(x), and parameters() or count_parameters()
        X_test, # samples, (n, features)
        y_test, # class indices, (n,)
        num_runs=100, # single-sample calls that count
    ): # the metrics, a dict of plain numbers
        "Measure `model`; `ValueError` for inputs, scores or a clock that cannot be used. Latencies are in ms."
        self._reset()
        X, y = _checked(X_test, y_test, num_runs)
        was_on = gc.isenabled()
        gc.disable()
        try:
            latencies, cold = _time_calls(model, X, num_runs)
            scores = model.forward(X)
            batch = _batch_throughput(model, X)
        finally:
            if was_on:
                gc.enable()
        latencies = np.array(latencies)
        mean, std = _resolved(latencies.mean().item()), latencies.std().item()
        result = {}
        result["parameter_count"] = _count(model)
        result["model_size_mb"] = _size_bytes(model) / 1024 / 1024
        result["accuracy"] = _accuracy(scores, y)
        result["latency_ms_mean"] = mean
        result["latency_ms_std"] = std
        result["throughput_samples_per_sec"] = 1e3 / mean
        result["num_runs"], result["warmup_runs"], result["cold_start_ms"] = int(num_runs), WARMUP_RUNS, float(cold)
        for more in (_percentiles(latencies), _accuracy_interval(result["accuracy"], len(y)), batch):
            for name in more:
                result[name] = more[name]
        self.metrics = result
        self.provenance = _provenance(model, X, y, num_runs)
        return self.metrics

    def _reset(self): self.metrics, self.provenance, self.comparison = {}, {}, None

    def __repr__(self): return _summary(self)
    def _repr_html_(self): return _table(self)
