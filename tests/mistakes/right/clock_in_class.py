# style: a stopwatch class that keeps its clock
# %% before part2-timing
class Stopwatch:
    clock = staticmethod(time.monotonic_ns)

    def __enter__(self):
        self.begin = self.clock()
        return self

    def __exit__(self, *exc):
        self.ms = (self.clock() - self.begin) / 1_000_000
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    def one(i):
        sample = X[i % X.shape[0]:i % X.shape[0] + 1]
        with Stopwatch() as watch:
            model.forward(sample)
        return watch.ms

    cold, *_ = [one(i) for i in range(max(1, warmup_runs))]
    return [one(i) for i in range(num_runs)], cold
