"""Train SimpleMLP(64, 32, 10) on the digits with the framework and write `tinytorch/data/digits_mlp.npz`.

So graded cells and demonstrations have a trained model without training one. Seeded; the last bits depend on the
BLAS, so the file's SHA-256, which `tinytorch.datasets` checks, changes with the machine that makes it: write the new
one there.
"""
import hashlib
import sys
from pathlib import Path

import numpy as np
from digits import npz_bytes

from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP

NAMES = ("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias")
PROVENANCE = """SimpleMLP(64, 32, 10) trained on the training part of digits.npz by src/scripts/weights.py of this \
repository:
40 epochs of SGD (lr 0.1, momentum 0.9, weight decay 1e-4, batches of 32), seed 20, float32. Licence as the \
repository's."""
PATH = Path(__file__).resolve().parents[2] / "tinytorch" / "data" / "digits_mlp.npz"


def train(epochs=40, batches=45, lr=0.1, seed=20):
    "A SimpleMLP(64, 32, 10) trained on the digits, and its test accuracy."
    X_train, y_train, X_test, y_test = load_digits()
    np.random.seed(seed)
    model, loss_fn, rng = SimpleMLP(64, 32, 10), CrossEntropyLoss(), np.random.default_rng(seed)
    for parameter in model.parameters():
        parameter.requires_grad = True
    optimizer = SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(X_train)), batches):
            optimizer.zero_grad()
            loss_fn(model(Tensor(X_train[batch])), Tensor(y_train[batch])).backward()
            optimizer.step()
    return model, float(np.mean(model(Tensor(X_test)).data.argmax(axis=1) == y_test))


def make():
    "The bytes of `digits_mlp.npz` and the test accuracy of what is in it."
    model, accuracy = train()
    arrays = {name: parameter.data for name, parameter in zip(NAMES, model.parameters())}
    return npz_bytes(**arrays, provenance=np.array(PROVENANCE)), accuracy


if __name__ == "__main__":
    data, accuracy = make()
    PATH.write_bytes(data)
    print(f"{PATH}: {len(data)} bytes, test accuracy {accuracy:.4f}, sha256 {hashlib.sha256(data).hexdigest()}",
          file=sys.stderr)
