# style: timeit's timer, kept as a default argument of a helper
# %% before part2-timing
import timeit


def milliseconds(call, timer=timeit.default_timer):
    start = timer()
    call()
    return 1e3 * (timer() - start)
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    from functools import partial
    from itertools import cycle, islice
    rows = cycle([X[i:i + 1] for i in range(X.shape[0])])
    times = [milliseconds(partial(model.forward, row)) for row in islice(rows, warmup_runs + num_runs)]
    return times[warmup_runs:], times[0]
