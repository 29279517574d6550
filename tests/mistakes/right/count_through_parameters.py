# style: the count by way of parameters, warm-up with the whole batch
# %% cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self, input_size=10, hidden_size=20, output_size=3):
        self.fc1 = Linear(in_features=input_size, out_features=hidden_size)
        self.fc2 = Linear(in_features=hidden_size, out_features=output_size)
        self.relu = ReLU()

    @property
    def layers(self): return _Layers(self, "fc1", "relu", "fc2")

    def forward(self, x):
        x = self.fc1(x)
        x = self.relu(x)
        x = self.fc2(x)
        return x

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        return self.fc1.parameters() + self.fc2.parameters()

    def count_parameters(self):
        return sum(p.data.size for p in self.parameters())

    def __repr__(self): return f"SimpleMLP({' -> '.join(type(layer).__name__ for layer in self.layers)})"
# %% cell part2-timing
#| export
def _time_calls(model, X, num_runs, warmup_runs=10):
    rows = [X[i:i + 1] for i in range(min(X.shape[0], num_runs + warmup_runs))]
    start = time.perf_counter()
    model.forward(rows[0])
    cold_start_ms = (time.perf_counter() - start) * 1000
    for _ in range(warmup_runs - 1):
        model.forward(X)
    latencies_ms = []
    for i in range(num_runs):
        row = rows[i % len(rows)]
        start = time.perf_counter()
        model.forward(row)
        end = time.perf_counter()
        latencies_ms.append((end - start) * 1000)
    return latencies_ms, cold_start_ms
