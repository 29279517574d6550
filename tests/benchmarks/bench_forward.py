"""Forward pass of SimpleMLP: beside the same three lines of NumPy,
and beside PyTorch's eager call where it is installed."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
from time import perf_counter_ns

import numpy as np

from tinytorch.core.autograd import no_grad
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP

SIZES = [(10, 20, 3), (64, 32, 10), (784, 128, 10)]
SECONDS, BLOCK_NS = 3.0, 200_000


def per_call(f):
    "ns of a call, roughly, and warm afterwards."
    for _ in range(200): f()
    start = perf_counter_ns()
    for _ in range(200): f()
    return (perf_counter_ns() - start) / 200


def interleaved(*sides):
    "ns of a call, one row a side: blocks of calls take turns, first this side, then that."
    blocks, rows = [range(max(1, int(BLOCK_NS / per_call(f)))) for f in sides], []
    gc.disable()
    end = perf_counter_ns() + SECONDS * 1e9
    while perf_counter_ns() < end:
        row = [0.0] * len(sides)
        for k in range(len(sides)) if len(rows) % 2 else reversed(range(len(sides))):
            f, block = sides[k], blocks[k]
            start = perf_counter_ns()
            for _ in block: f()
            row[k] = (perf_counter_ns() - start) / len(block)
        rows.append(row)
    gc.enable()
    return np.array(rows).T


def report(title, names, samples, target):
    "Medians, and the median of the ratios of neighbouring blocks."
    ratio = float(np.median(samples[0] / samples[1]))
    sides = ", ".join(f"{name} {np.median(ns) / 1e3:.2f} us" for name, ns in zip(names, samples))
    print(f"{title}: {sides}, ratio {ratio:.2f} (target {target}: {'met' if ratio <= target else 'MISSED'}, "
          f"n={samples.shape[1]} blocks)", flush=True)


def plain_numpy(model, x):
    "The three lines, on the model's own arrays."
    W1, b1, W2, b2 = (p.data for p in model.parameters())

    def forward():
        h = x @ W1 + b1
        h = np.maximum(h, 0)
        return h @ W2 + b2
    return forward


def in_torch(torch, model):
    "The same network as a torch Module."
    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.relu, self.fc2 = (torch.nn.Linear(*model.fc1.weight.shape), torch.nn.ReLU(),
                                             torch.nn.Linear(*model.fc2.weight.shape))

        def forward(self, x): return self.fc2(self.relu(self.fc1(x)))
    twin = Twin()
    with torch.no_grad():
        for copy, layer in ((twin.fc1, model.fc1), (twin.fc2, model.fc2)):
            copy.weight.copy_(torch.tensor(layer.weight.data.T))
            copy.bias.copy_(torch.tensor(layer.bias.data))
    return twin.eval()


def beside_numpy(title, size, x, target):
    model, tensor = SimpleMLP(*size), Tensor(x)
    assert model.forward(tensor).node and np.allclose(model.forward(tensor).data, plain_numpy(model, x)(), atol=1e-4)

    def recording(): return model.forward(tensor)
    report(f"{title}, gradients recorded", ("tinytorch", "numpy"), interleaved(recording, plain_numpy(model, x)),
           target)
    with no_grad():
        report(f"{title}, no_grad", ("tinytorch", "numpy"), interleaved(recording, plain_numpy(model, x)), target)


def beside_torch(torch, size, x):
    model, tensor, twin, torch_x = SimpleMLP(*size), Tensor(x), None, torch.tensor(x)
    twin = in_torch(torch, model)
    with torch.inference_mode(), no_grad():
        assert np.allclose(model.forward(tensor).data, twin(torch_x).numpy(), atol=1e-4)
        report(f"one sample {size}", ("tinytorch", "torch eager"),
               interleaved(lambda: model.forward(tensor), lambda: twin(torch_x)), 0.6)


def main():
    rng = np.random.default_rng(0)
    samples = {size: rng.normal(size=(1, size[0])).astype(np.float32) for size in SIZES}
    for size, x in samples.items(): beside_numpy(f"one sample {size}", size, x, 1.3)
    X_test = load_digits()[2]
    beside_numpy(f"digits test set {X_test.shape}", (64, 32, 10), X_test, 1.1)
    try:
        import torch
    except ImportError:
        return print("beside PyTorch: not measured, PyTorch is not installed (pip install torch)")
    torch.set_num_threads(1)
    for size, x in samples.items(): beside_torch(torch, size, x)


if __name__ == "__main__":
    main()
