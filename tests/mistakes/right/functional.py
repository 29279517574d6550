# style: reduce, partial, map, operator
# %% before part1-model
import operator
from functools import partial, reduce
from itertools import chain, cycle, islice, starmap
# %% cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self,
        input_size=10, # features of a sample
        hidden_size=20, # units of the hidden layer
        output_size=3, # classes
    ):
        self.layers = [Linear(input_size, hidden_size), ReLU(), Linear(hidden_size, output_size)]

    fc1, relu, fc2 = (property(lambda self, i=i: self.layers[i], lambda self, new, i=i: operator.setitem(self.layers, i, new))
                      for i in range(3))

    def forward(self, x):
        "Scores (batch, output_size) for `x` (batch, input_size)."
        return reduce(lambda value, layer: layer.forward(value), self.layers, x)

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        "Weight and bias of fc1, then of fc2."
        return list(chain.from_iterable(map(operator.methodcaller("parameters"), self.layers)))

    def count_parameters(self):
        "How many numbers the layers hold, the same before and after quantization."
        return reduce(operator.add, map(_count, self.layers))

    def __repr__(self): return f"SimpleMLP({' -> '.join(type(layer).__name__ for layer in self.layers)})"
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    def elapsed_ms(row):
        return -operator.sub(*(time.perf_counter_ns(), (model.forward(row), time.perf_counter_ns())[1])) / 1e6

    rows = list(map(lambda i: X[i:i + 1], range(X.shape[0])))
    measured_ms = list(map(elapsed_ms, islice(cycle(rows), num_runs + warmup_runs)))
    return measured_ms[warmup_runs:], measured_ms[0]
# %% cell part3-improvements
#| export
def _improvements(
    before, # metrics of the baseline
    after, # metrics of the optimized model
): # speedup, speedup_basis, compression_ratio, accuracy_delta
    "How much better `after` is than `before`; ratios over 1 are better."
    basis = "median" if "latency_ms_median" in before.keys() & after.keys() else "mean"
    ratio = lambda name: operator.truediv(*map(operator.itemgetter(name), (before, after)))
    return dict(speedup=ratio("latency_ms_" + basis), speedup_basis=basis, compression_ratio=ratio("model_size_mb"),
                accuracy_delta=operator.sub(after["accuracy"], before["accuracy"]))
# %% cell part4b-optimize
def optimize_model(
    model, # the baseline; it stays as it is
    tools, # technique name -> function(model) -> changed model, or None when it changed it in place
): # (optimized model or None, names of the techniques applied)
    "Apply every tool to a copy of `model`."
    state = lambda model: [(type(layer), *(_array(p).tobytes() for p in layer.parameters())) for layer in model.layers]
    apply = lambda model, tool: (lambda returned: returned if callable(getattr(returned, "forward", None)) else model)(tool(model))

    def step(so_far, item):
        (now, names), (name, tool) = so_far, item
        before = state(now)
        after = apply(now, tool)
        return after, names + [name] * (state(after) != before)
    result, names = reduce(step, tools.items(), (copy.deepcopy(model), []))
    return (result, names) if names else (None, [])
