# style: loops and counters, no comprehension, a name for everything
# %% cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self,
        input_size=10, # features of a sample
        hidden_size=20, # units of the hidden layer
        output_size=3, # classes
    ):
        self.fc1 = Linear(input_size, hidden_size, bias=True)
        self.relu = ReLU()
        self.fc2 = Linear(hidden_size, output_size, bias=True)

    @property
    def layers(self): return _Layers(self, "fc1", "relu", "fc2")

    def forward(self, x):
        "Scores (batch, output_size) for `x` (batch, input_size)."
        hidden = self.fc1.forward(x)
        activated = self.relu.forward(hidden)
        scores = self.fc2.forward(activated)
        return scores

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        "Weight and bias of fc1, then of fc2."
        params = []
        params.append(self.fc1.weight)
        params.append(self.fc1.bias)
        params.append(self.fc2.weight)
        params.append(self.fc2.bias)
        return params

    def count_parameters(self):
        "How many numbers the layers hold, the same before and after quantization."
        total = 0
        for layer in self.layers:
            total = total + _count(layer)
        return total

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
    number_of_rows = X.shape[0]
    latencies = []
    cold_start = 0.0
    warm = 0
    while warm < warmup_runs:
        row = X[warm % number_of_rows:warm % number_of_rows + 1]
        before = time.perf_counter()
        model.forward(row)
        after = time.perf_counter()
        if warm == 0:
            cold_start = (after - before) * 1000
        warm += 1
    run = 0
    while run < num_runs:
        index = run % number_of_rows
        row = X[index:index + 1]
        before = time.perf_counter()
        model.forward(row)
        after = time.perf_counter()
        latencies.append((after - before) * 1000)
        run += 1
    return latencies, cold_start
# %% cell part2-accuracy
#| export
def _accuracy(
    output, # scores, (n, classes)
    labels, # class indices, n of them
): # share of samples whose largest score is at their label, in [0, 1]
    "Top-1 accuracy; `ValueError` for labels or scores that cannot be compared."
    count = len(labels) if isinstance(labels, list) else labels.shape[0]
    y = _class_labels(labels, count)
    scores = _class_scores(output, count)
    right = 0
    for i in range(count):
        if y[i] >= scores.shape[1]:
            raise ValueError("a label has no column in the scores")
        best = 0
        for c in range(scores.shape[1]):
            if scores[i][c] > scores[i][best]:
                best = c
        if best == y[i]:
            right = right + 1
    return right / count
# %% cell part2-size
#| export
def _size_bytes(
    model, # a model or a layer: size_bytes(), or layers, or parameters()
): # bytes of the arrays it stores
    "Bytes stored by `model`, shared arrays once."
    if hasattr(model, "size_bytes"):
        return int(model.size_bytes())
    seen = []
    total = 0
    parts = model.layers if hasattr(model, "layers") else [model]
    for part in parts:
        if hasattr(part, "size_bytes"):
            total += int(part.size_bytes())
            continue
        if not hasattr(part, "parameters"):
            continue
        for parameter in part.parameters():
            array = _array(parameter)
            known = False
            for other in seen:
                if other is array:
                    known = True
            if not known:
                seen.append(array)
                total += int(array.nbytes)
    return total
