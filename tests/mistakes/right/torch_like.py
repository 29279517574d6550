# style: written as in PyTorch: layers called, generators of parameters, item()
# %% cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self,
        input_size=10, # features of a sample
        hidden_size=20, # units of the hidden layer
        output_size=3, # classes
    ):
        super().__init__()
        self.fc1 = Linear(input_size, hidden_size)
        self.relu = ReLU()
        self.fc2 = Linear(hidden_size, output_size)

    @property
    def layers(self): return _Layers(self, "fc1", "relu", "fc2")

    def forward(self, x):
        "Scores (batch, output_size) for `x` (batch, input_size)."
        x = self.relu(self.fc1(x))
        return self.fc2(x)

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        "Weight and bias of fc1, then of fc2."
        return list(p for layer in (self.fc1, self.relu, self.fc2) for p in layer.parameters())

    def count_parameters(self):
        "How many numbers the layers hold, the same before and after quantization."
        return int(sum(_count(m) for m in (self.fc1, self.relu, self.fc2)))

    def __repr__(self): return f"SimpleMLP({' -> '.join(type(layer).__name__ for layer in self.layers)})"
# %% cell part2-accuracy
#| export
def _accuracy(
    output, # scores, (n, classes)
    labels, # class indices, n of them
): # share of samples whose largest score is at their label, in [0, 1]
    "Top-1 accuracy; `ValueError` for labels or scores that cannot be compared."
    n = labels.shape[0] if hasattr(labels, "shape") else len(labels)
    targets = _class_labels(labels, n)
    logits = _class_scores(output, n)
    if (targets >= logits.shape[-1]).any():
        raise ValueError("target out of bounds")
    correct = (logits.argmax(-1) == targets).sum().item()
    return correct / n
