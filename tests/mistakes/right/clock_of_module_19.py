# style: module 19's precise_timer
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    n, out = X.shape[0], []
    for run in range(warmup_runs + num_runs):
        row = X[run % n:run % n + 1]
        with precise_timer() as timer:
            model(row)
        out.append(timer.elapsed * 1000)
    return out[warmup_runs:], out[0]
