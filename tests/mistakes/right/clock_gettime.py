# style: clock_gettime on the monotonic clock, single warm-up call
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    now = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    first = X[0:1]
    begin = now()
    model.forward(first)
    cold_start_ms = (now() - begin) * 1e-6
    latencies = []
    for k in range(num_runs):
        row = X[k % X.shape[0]:k % X.shape[0] + 1]
        begin = now()
        model.forward(row)
        latencies.append((now() - begin) * 1e-6)
    return latencies, cold_start_ms
