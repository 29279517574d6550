# style: statistics in place of NumPy
# %% before part2-accuracy
import statistics
# %% cell part2-accuracy
#| export
def _accuracy(
    output, # scores, (n, classes)
    labels, # class indices, n of them
): # share of samples whose largest score is at their label, in [0, 1]
    "Top-1 accuracy; `ValueError` for labels or scores that cannot be compared."
    labels = [int(label) for label in _class_labels(labels, len(_array(output)))]
    scores = _class_scores(output, len(labels)).tolist()
    if max(labels) >= len(scores[0]):
        raise ValueError(f"label {max(labels)} of only {len(scores[0])} classes")
    return statistics.fmean(row.index(max(row)) == label for row, label in zip(scores, labels))
# %% cell part2-report
#| export
class BenchmarkReport:
    "Measures one model: six metrics and more in `metrics`, after `benchmark_model` has fully succeeded."
    comparison = None  # a paired comparison with the baseline (module 19), as a dict

    def __init__(self, model_name="model"):
        self.model_name = model_name
        self.metrics = {}
        self.provenance = {}
        self.system_info = _system_info()
        self.timestamp = datetime.now().astimezone().isoformat()

    def benchmark_model(self,
        model, # forward(x), and parameters() or count_parameters()
        X_test, # samples, (n, features)
        y_test, # class indices, (n,)
        num_runs=100, # single-sample calls that count
    ): # the metrics, a dict of plain numbers
        "Measure `model`; `ValueError` for inputs, scores or a clock that cannot be used. Latencies are in ms."
        self.metrics, self.comparison = {}, None
        X, y = _checked(X_test, y_test, num_runs)
        with _measuring():
            times, cold = _time_calls(model, X, num_runs)
            scores = model.forward(X)
            extra = _batch_throughput(model, X)
        mean = _resolved(statistics.fmean(times))
        accuracy = _accuracy(scores, y)
        metrics = dict(parameter_count=_count(model), model_size_mb=_size_bytes(model) / (1024 * 1024), accuracy=accuracy,
                       latency_ms_mean=mean, latency_ms_std=statistics.pstdev(times), throughput_samples_per_sec=1000 / mean,
                       num_runs=num_runs, warmup_runs=WARMUP_RUNS, cold_start_ms=cold)
        metrics.update(_percentiles(times))
        metrics.update(_accuracy_interval(accuracy, len(y)))
        metrics.update(extra)
        self.provenance = _provenance(model, X, y, num_runs)
        self.metrics = metrics
        return metrics

    def __repr__(self): return _summary(self)
    def _repr_html_(self): return _table(self)
