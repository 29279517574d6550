# style: generator functions all the way
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    def clocked():
        n = X.shape[0]
        i = 0
        while True:
            row = X[i:i + 1]
            begin = time.perf_counter_ns()
            model.forward(row)
            end = time.perf_counter_ns()
            yield (end - begin) / 1_000_000
            i = (i + 1) % n

    calls = clocked()
    cold = next(calls)
    for _ in range(warmup_runs - 1): next(calls)
    return [next(calls) for _ in range(num_runs)], cold
# %% cell part2-size
#| export
def _size_bytes(
    model, # a model or a layer: size_bytes(), or layers, or parameters()
): # bytes of the arrays it stores
    "Bytes stored by `model`, shared arrays once."
    if hasattr(model, "size_bytes"): return int(model.size_bytes())

    def holders():
        for part in getattr(model, "layers", [model]): yield part

    def arrays():
        seen = set()
        for holder in holders():
            if hasattr(holder, "size_bytes") or not hasattr(holder, "parameters"): continue
            for parameter in holder.parameters():
                array = _array(parameter)
                if id(array) not in seen:
                    seen.add(id(array))
                    yield array

    return sum(a.nbytes for a in arrays()) + sum(int(h.size_bytes()) for h in holders() if hasattr(h, "size_bytes"))
# %% cell part4-required
#| export
def rule_required(value, schema, at):
    "Every required member is there."
    yield from ((_pointer(at, name), "has to be there") for name in schema.get("required", ()) if isinstance(value, dict) and name not in value)
# %% cell part4-same
#| export
def rule_same_for_optimized(submission):
    "The node rules hold for the optimized report too."
    if (optimized := submission.get("optimized", ...)) is not ...:
        yield from (violation for violation in _violations(optimized, _OPTIMIZED, "/optimized"))
