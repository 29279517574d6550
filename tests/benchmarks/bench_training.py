"""One training epoch on the digits beside the same epoch written by hand in NumPy: same network, batches, loss and SGD with momentum."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from time import perf_counter_ns, thread_time_ns

import numpy as np

from tinytorch.core.dataloader import DataLoader, TensorDataset
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD
from tinytorch.core.training import Trainer
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP

LR, MOMENTUM, BATCH, EPOCHS, TARGET = 0.1, 0.9, 32, 300, 1.5


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


def epochs_in_turn(trainer, loader, hand, X, y):
    "Wall and CPU ns of each epoch, ours and by hand, as (2, EPOCHS, 2); the first losses must agree."
    ns = np.zeros((2, EPOCHS, 2))
    for epoch in range(EPOCHS):
        losses = [0.0, 0.0]
        for side in (0, 1) if epoch % 2 else (1, 0):
            wall, cpu = perf_counter_ns(), thread_time_ns()
            losses[side] = hand.epoch(X, y) if side else trainer.train_epoch(loader)
            ns[:, epoch, side] = perf_counter_ns() - wall, thread_time_ns() - cpu
        assert epoch > 2 or np.isclose(*losses, rtol=1e-3), f"not the same training: losses {losses}"
    return ns


def new_trainer(seed=0):
    np.random.seed(seed)
    model = SimpleMLP(64, 32, 10)
    return Trainer(model, SGD(model.parameters(), lr=LR, momentum=MOMENTUM), CrossEntropyLoss(), progress=False)


def main():
    X, y, X_test, y_test = load_digits()
    trainer, loader = new_trainer(), DataLoader(TensorDataset(X, y), BATCH, shuffle=True, seed=0)
    hand = ByHand([p.data for p in trainer.model.parameters()], seed=0)
    for kind, ns in zip(("wall", "CPU"), epochs_in_turn(trainer, loader, hand, X, y)):
        ratio = float(np.median(ns[:, 0] / ns[:, 1]))
        print(f"one epoch, {len(loader)} steps of {BATCH}, {kind} time: tinytorch {np.median(ns[:, 0]) / 1e6:.2f} ms, NumPy by hand "
              f"{np.median(ns[:, 1]) / 1e6:.2f} ms, ratio {ratio:.2f} (target {TARGET}: {'met' if ratio <= TARGET else 'MISSED'}, n={EPOCHS})")
    start, trainer, test, accuracy, epochs = perf_counter_ns(), new_trainer(), DataLoader(TensorDataset(X_test, y_test), 128), 0.0, 0
    while accuracy < 0.95 and epochs < 100:
        trainer.train_epoch(loader)
        accuracy, epochs = trainer.evaluate(test)[1], epochs + 1
    print(f"digits from nothing to {accuracy:.1%} of the test set: {epochs} epochs, {(perf_counter_ns() - start) / 1e9:.2f} s (target 95 % in 10 s)")


if __name__ == "__main__":
    main()
