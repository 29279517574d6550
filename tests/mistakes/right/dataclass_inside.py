# style: a dataclass for the metrics
# %% before part2-report
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Metrics:
    parameter_count: int
    model_size_mb: float
    accuracy: float
    latency_ms_mean: float
    latency_ms_std: float

    @property
    def throughput(self): return 1000.0 / self.latency_ms_mean

    @classmethod
    def of(cls, model, accuracy, latencies):
        return cls(_count(model), _size_bytes(model) / 2 ** 20, accuracy, _resolved(float(np.mean(latencies))), float(np.std(latencies)))

    def as_dict(self): return asdict(self) | {"throughput_samples_per_sec": self.throughput}
# %% cell part2-report
#| export
class BenchmarkReport:
    "Measures one model: six metrics and more in `metrics`, after `benchmark_model` has fully succeeded."
    comparison = None  # a paired comparison with the baseline (module 19), as a dict

    def __init__(self, model_name="model"):
        self.model_name = str(model_name)
        self.metrics = dict()
        self.system_info = dict(_system_info())
        self.timestamp = datetime.now(tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+00:00")

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
            latencies, cold = _time_calls(model, X, num_runs, WARMUP_RUNS)
            accuracy, batch = _accuracy(model.forward(X), y), _batch_throughput(model, X)
        found = Metrics.of(model, accuracy, latencies).as_dict() | _percentiles(latencies) | _accuracy_interval(accuracy, len(y)) | batch
        self.provenance = _provenance(model, X, y, num_runs, WARMUP_RUNS)
        self.metrics.update(found, num_runs=int(num_runs), warmup_runs=WARMUP_RUNS, cold_start_ms=float(cold))
        return self.metrics

    def __repr__(self): return _summary(self)
    def _repr_html_(self): return _table(self)
