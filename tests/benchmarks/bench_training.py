"""One training epoch on the digits beside the same epoch written by hand in NumPy: same network,
batches, loss and SGD with momentum."""
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

LR, MOMENTUM, BATCH, EPOCHS, TARGET = 0.1, 0.9, 32, 100, 1.5


class ByHand:
    "Linear -> ReLU -> Linear, cross-entropy and SGD with momentum, in as many lines as it takes."
    def __init__(self, arrays, seed):
        self.params, self.rng = [a.copy() for a in arrays], np.random.default_rng(seed)
        self.velocity = [np.zeros_like(p) for p in self.params]

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


def in_lockstep(loader, hand, X, y, ns, losses):
    "The batches of `loader`; after each step taken on one, the same step by hand. Appends the ns of both."
    batches, order = iter(loader), hand.rng.permutation(len(X))
    for start in range(0, len(X), BATCH):
        began = perf_counter_ns()
        yield next(batches)
        middle = perf_counter_ns()
        chosen = order[start:start + BATCH]
        losses.append(hand.step(X[chosen], y[chosen]) * len(chosen))
        ns.append((middle - began, perf_counter_ns() - middle))


def new_trainer(seed=0):
    np.random.seed(seed)
    model = SimpleMLP(64, 32, 10)
    return Trainer(model, SGD(model.parameters(), lr=LR, momentum=MOMENTUM), CrossEntropyLoss(), progress=False)


def main():
    X, y, X_test, y_test = load_digits()
    trainer, loader = new_trainer(), DataLoader(TensorDataset(X, y), BATCH, shuffle=True, seed=0)
    hand = ByHand([p.data for p in trainer.model.parameters()], seed=0)
    ns = []
    for epoch in range(EPOCHS):
        losses = []
        loss = trainer.train_epoch(in_lockstep(loader, hand, X, y, ns, losses))
        assert (epoch > 2 or np.isclose(loss, sum(losses) / len(X),
                                        rtol=1e-3)), f"not the same training: {loss}, by hand {sum(losses) / len(X)}"
    ours, by_hand = np.median(ns, axis=0) * len(loader) / 1e6
    ratio = float(np.median(np.divide(*np.transpose(ns))))
    print(f"one epoch, {len(loader)} steps of {BATCH} taken in turns: tinytorch {ours:.2f} ms, NumPy by hand "
          f"{by_hand:.2f} ms, "
          f"ratio {ratio:.2f} (target {TARGET}: {'met' if ratio <= TARGET else 'MISSED'}, n={len(ns)} steps)")
    start, trainer, test, accuracy, epochs = (perf_counter_ns(), new_trainer(),
                                              DataLoader(TensorDataset(X_test, y_test), 128), 0.0, 0)
    while accuracy < 0.95 and epochs < 100:
        trainer.train_epoch(loader)
        accuracy, epochs = trainer.evaluate(test)[1], epochs + 1
    print(f"digits from nothing to {accuracy:.1%} of the test set: {epochs} epochs, "
          f"{(perf_counter_ns() - start) / 1e9:.2f} s (target 95 % in 10 s)")


if __name__ == "__main__":
    main()
