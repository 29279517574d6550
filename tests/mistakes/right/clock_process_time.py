# style: the processor's time, in nanoseconds, with NumPy arrays
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    stamps = np.empty((num_runs + warmup_runs, 2), dtype=np.int64)
    order = np.arange(len(stamps)) % X.shape[0]
    for k, i in enumerate(order):
        x = X[int(i):int(i) + 1]
        stamps[k, 0] = time.process_time_ns()
        model.forward(x)
        stamps[k, 1] = time.process_time_ns()
    ms = np.diff(stamps, axis=1)[:, 0] / 1e6
    return ms[warmup_runs:].tolist(), float(ms[0])
