# style: NumPy wherever it goes
# %% cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self,
        input_size=10, # features of a sample
        hidden_size=20, # units of the hidden layer
        output_size=3, # classes
    ):
        for name, layer in zip(("fc1", "relu", "fc2"), (Linear(input_size, hidden_size), ReLU(), Linear(hidden_size, output_size))):
            setattr(self, name, layer)

    @property
    def layers(self): return _Layers(self, "fc1", "relu", "fc2")

    def forward(self, x):
        "Scores (batch, output_size) for `x` (batch, input_size)."
        for layer in self.layers:
            x = layer(x)
        return x

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        "Weight and bias of fc1, then of fc2."
        return [getattr(layer, name) for layer in (self.fc1, self.fc2) for name in ("weight", "bias")]

    def count_parameters(self):
        "How many numbers the layers hold, the same before and after quantization."
        return int(np.sum(list(map(_count, self.layers))))

    def __repr__(self): return f"SimpleMLP({' -> '.join(type(layer).__name__ for layer in self.layers)})"
# %% cell part2-accuracy
#| export
def _accuracy(
    output, # scores, (n, classes)
    labels, # class indices, n of them
): # share of samples whose largest score is at their label, in [0, 1]
    "Top-1 accuracy; `ValueError` for labels or scores that cannot be compared."
    n = np.shape(_array(labels))[0]
    y, scores = _class_labels(labels, n), _class_scores(output, n)
    if not np.all(np.isin(y, np.arange(scores.shape[1]))): raise ValueError("labels: beyond the classes")
    return np.equal(scores.argmax(axis=-1), y).mean(dtype=float).item()
# %% cell part2-size
#| export
def _size_bytes(
    model, # a model or a layer: size_bytes(), or layers, or parameters()
): # bytes of the arrays it stores
    "Bytes stored by `model`, shared arrays once."
    own = getattr(model, "size_bytes", None)
    if own: return int(own())
    parts = getattr(model, "layers", (model,))
    known = np.array([part.size_bytes() for part in parts if hasattr(part, "size_bytes")], dtype=np.int64)
    others = [part for part in parts if hasattr(part, "parameters") and not hasattr(part, "size_bytes")]
    unique = {a.__array_interface__["data"][0]: a.nbytes for part in others for a in map(_array, part.parameters())}
    return int(known.sum()) + int(np.sum(list(unique.values()), dtype=np.int64))
