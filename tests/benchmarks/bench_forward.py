"""Forward pass: `SimpleMLP.forward` beside the same three lines of NumPy, and beside PyTorch's eager call where it is installed."""
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


def interleaved(sides, seconds=3.0, block=200e3):
    "Median ns of a call of each of `sides` (name -> function), measured in blocks of about `block` ns that take turns."
    calls = {}
    for name, f in sides.items():
        for _ in range(100): f()
        start = perf_counter_ns()
        for _ in range(100): f()
        calls[name] = max(1, int(block / ((perf_counter_ns() - start) / 100)))
    samples, names, turn = {name: [] for name in sides}, list(sides), 0
    end = perf_counter_ns() + seconds * 1e9
    gc.disable()
    while perf_counter_ns() < end:
        for name in names if turn % 2 else reversed(names):
            f, n = sides[name], range(calls[name])
            start = perf_counter_ns()
            for _ in n: f()
            samples[name].append((perf_counter_ns() - start) / len(n))
        turn += 1
    gc.enable()
    return {name: np.array(s) for name, s in samples.items()}


def line(title, samples, name, base, target):
    "Print medians and the median of the paired ratios."
    ratio = float(np.median(samples[name] / samples[base]))
    print(f"{title:34} {name:22} {np.median(samples[name]) / 1e3:9.2f} us   {base:22} {np.median(samples[base]) / 1e3:9.2f} us   "
          f"ratio {ratio:5.2f}   target {target} {'met' if ratio <= target else 'MISSED'}   n={len(samples[name])}")


def numpy_forward(model, x):
    "The three lines, on the model's own arrays."
    W1, b1, W2, b2 = (p.data for p in model.parameters())

    def forward():
        h = x @ W1 + b1
        h = np.maximum(h, 0)
        return h @ W2 + b2
    return forward


def sides(model, x):
    tensor = Tensor(x)

    def quiet():
        with no_grad(): return model.forward(tensor)
    assert np.allclose(model.forward(tensor).data, numpy_forward(model, x)(), atol=1e-5)
    return {"tinytorch": lambda: model.forward(tensor), "numpy": numpy_forward(model, x)}


def torch_side(model, x):
    import torch

    torch.set_num_threads(1)
    W1, b1, W2, b2 = (p.data for p in model.parameters())
    twin = torch.nn.Sequential(torch.nn.Linear(*W1.shape), torch.nn.ReLU(), torch.nn.Linear(*W2.shape))
    with torch.no_grad():
        for layer, W, b in ((twin[0], W1, b1), (twin[2], W2, b2)):
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
    tensor, mode = torch.from_numpy(x), torch.inference_mode
    with mode():
        assert np.allclose(twin(tensor).numpy(), numpy_forward(model, x)(), atol=1e-4)

    def forward():
        return twin(tensor)
    return forward


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    for size in SIZES:
        model, x = SimpleMLP(*size), rng.normal(size=(1, size[0])).astype(np.float32)
        line(f"one sample {size}", interleaved(sides(model, x)), "tinytorch", "numpy", 1.3)
    X_test = load_digits()[2]
    line(f"digits test set {X_test.shape}", interleaved(sides(SimpleMLP(64, 32, 10), X_test)), "tinytorch", "numpy", 1.1)
    try:
        import torch
    except ImportError:
        print("beside PyTorch: not measured, torch is not installed (pip install torch)")
        raise SystemExit
    torch.set_num_threads(1)
    for size in SIZES:
        model, x = SimpleMLP(*size), rng.normal(size=(1, size[0])).astype(np.float32)
        with torch.inference_mode():
            line(f"one sample {size}", interleaved({"tinytorch": sides(model, x)["tinytorch"], "torch inference_mode": torch_side(model, x)}),
                 "tinytorch", "torch inference_mode", 0.6)
