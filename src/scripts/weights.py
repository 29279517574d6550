"""Train SimpleMLP(64, 32, 10) on the digits with the framework and write `tinytorch/data/digits_mlp.npz`.

So graded cells and demonstrations have a trained model without training one. Seeded; the last bits depend on the BLAS.
"""
from pathlib import Path

import numpy as np
from digits import npz_bytes

from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP

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


if __name__ == "__main__":
    model, accuracy = train()
    names = ("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias")
    PATH.write_bytes(npz_bytes(**dict(zip(names, (p.data for p in model.parameters())))))
    print(f"{PATH}: test accuracy {accuracy:.4f}")
