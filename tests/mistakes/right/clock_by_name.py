# style: perf_counter imported by name, seconds times 1000
# %% before part2-timing
from time import perf_counter
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    n = X.shape[0]
    samples = [Tensor(X.data[i:i + 1]) for i in range(n)]
    cold = None
    for i in range(warmup_runs):
        t0 = perf_counter()
        model.forward(samples[i % n])
        t1 = perf_counter()
        if cold is None:
            cold = (t1 - t0) * 1000.0
    times = []
    for i in range(num_runs):
        x = samples[i % n]
        t0 = perf_counter()
        model.forward(x)
        t1 = perf_counter()
        times.append((t1 - t0) * 1000.0)
    return times, cold
