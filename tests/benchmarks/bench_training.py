"""One training epoch on the digits beside the same epoch written by hand in NumPy: same network, batches, loss and SGD with momentum."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from time import perf_counter_ns

import numpy as np

from tinytorch.core.dataloader import DataLoader, TensorDataset
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD
from tinytorch.core.training import Trainer
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP

LR, MOMENTUM, BATCH, EPOCHS, TARGET = 0.1, 0.9, 32, 120, 1.5


class ByHand:
    "Linear -> ReLU -> Linear, cross-entropy and SGD with momentum, in as many lines as it takes."
    def __init__(self, arrays, seed):
        self.params, self.rng = [a.copy() for a in arrays], np.random.default_rng(seed)
        self.velocity = [np.zeros_like(p) for p in self.params]

    def epoch(self, X, y):
        total, order = 0.0, self.rng.permutation(len(X))
        for start in range(0, len(X), BATCH):
            batch = order[start:start + BATCH]
            total += self.step(X[batch], y[batch]) * len(batch)
        return total / len(X)

    def step(self, x, y):
        W1, b1, W2, b2 = self.params
        h = np.maximum(x @ W1 + b1, 0)
        z = h @ W2 + b2
        z = z - z.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        rows = np.arange(len(y))
        loss = -log_p[rows, y].mean()
        dz = np.exp(log_p)
        dz[rows, y] -= 1
        dz /= len(y)
        dh = dz @ W2.T * (h > 0)
        for p, v, g in zip(self.params, self.velocity, (x.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0))):
            v *= MOMENTUM
            v += g
            p -= LR * v
        return float(loss)


def main():
    X, y, _, _ = load_digits()
    np.random.seed(0)
    model = SimpleMLP(64, 32, 10)
    hand = ByHand([p.data for p in model.parameters()], seed=0)
    trainer = Trainer(model, SGD(model.parameters(), lr=LR, momentum=MOMENTUM), CrossEntropyLoss(), progress=False)
    loader = DataLoader(TensorDataset(X, y), BATCH, shuffle=True, seed=0)
    ours, theirs = [], []
    for epoch in range(EPOCHS):
        start = perf_counter_ns()
        loss = trainer.train_epoch(loader)
        middle = perf_counter_ns()
        by_hand = hand.epoch(X, y)
        ours.append(middle - start)
        theirs.append(perf_counter_ns() - middle)
        assert epoch > 2 or np.isclose(loss, by_hand, rtol=1e-3), f"not the same training: {loss} and {by_hand}"
    ratio = float(np.median(np.array(ours) / np.array(theirs)))
    print(f"one epoch, {len(loader)} steps of {BATCH}: tinytorch {np.median(ours) / 1e6:.2f} ms, NumPy by hand {np.median(theirs) / 1e6:.2f} ms, "
          f"ratio {ratio:.2f} (target {TARGET}: {'met' if ratio <= TARGET else 'MISSED'}, n={EPOCHS})")


if __name__ == "__main__":
    main()
