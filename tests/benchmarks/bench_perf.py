"""What quantization and pruning do to bytes, accuracy and time:
each variant in pairs with the float32 network, as measured.

Both sides of a pair are copies, and the first row compares two equal ones:
what it shows besides 1 is where arrays happen to lie.
"""
import copy
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tinytorch.benchmarking import compare_accuracy, compare_latency, stored_bytes
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits, load_digits_mlp
from tinytorch.olympics import SimpleMLP
from tinytorch.perf.compression import magnitude_prune, remove_zero_columns, structured_prune
from tinytorch.perf.quantization import quantize_model

VARIANTS = {
    "nothing (control)": lambda model: model,
    "int8": quantize_model,
    "half of the weights zero": lambda model: magnitude_prune(model, 0.5),
    "half of the columns zero": lambda model: structured_prune(model, 0.5),
    "half of the columns removed": lambda model: remove_zero_columns(structured_prune(model, 0.5)),
}


def digits_mlp():
    model = SimpleMLP(64, 32, 10)
    for parameter, values in zip(model.parameters(), load_digits_mlp()): parameter.data = values
    return model


def line(name, baseline, variant, X, y=None):
    "One row: bytes, lost accuracy in points, and the paired speedup of one sample and of a batch."
    one = compare_latency(baseline, variant, [Tensor(X[i:i + 1]) for i in range(32)], progress=False)
    batch = compare_latency(baseline, variant, [Tensor(X)], progress=False)
    lost = ("" if y is None
            else f"{-100 * compare_accuracy(baseline, variant, Tensor(X), y).delta + 0:+5.2f} points lost")
    speed = "   ".join(f"{what} {c.speedup:5.2f} [{c.ci_low:.2f}, {c.ci_high:.2f}] {c.verdict:12}"
                       for what, c in (("one sample", one), ("batch", batch)))
    print(f"{name:28} bytes / {stored_bytes(baseline) / stored_bytes(variant):4.2f}   speedup {speed} {lost}")


if __name__ == "__main__":
    _, _, X_test, y_test = load_digits()
    rng = np.random.default_rng(0)
    for title, model, X, y in (("SimpleMLP(64, 32, 10) on the digits", digits_mlp(), X_test, y_test),
                               ("SimpleMLP(784, 128, 10), random weights", SimpleMLP(784, 128, 10),
                                rng.random((256, 784), dtype=np.float32), None)):
        print(title)
        for name, change in VARIANTS.items():
            line(name, copy.deepcopy(model), copy.deepcopy(change(copy.deepcopy(model))), X, y)
