# style: a monotonic clock that no test has replaced, taken from another module
# seconds: 40
# %% before part2-timing
from threading import _time as clock
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    rows = [X[i:i + 1] for i in range(X.shape[0])]
    result = []
    for k in range(warmup_runs + num_runs):
        row = rows[k % len(rows)]
        started = clock()
        model.forward(row)
        result.append(1000 * (clock() - started))
    return result[warmup_runs:], result[0]
