"""False alarms and detections of `capstone gate`: a revision against itself, and real changes against it.

Each trial is a whole gate: two checkouts, fresh processes, one verdict. The promise is `--aa 200 --slow 100`;
the default is a sample.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tinytorch_grader import gate

MODEL = """from tinytorch.datasets import load_digits_mlp
from tinytorch.olympics import SimpleMLP


def model():
    mlp = SimpleMLP(64, 32, 10)
    for parameter, weights in zip(mlp.parameters(), load_digits_mlp()): parameter.data[...] = weights
    forward = mlp.forward

    def repeated(x):
        for _ in range(CALLS): scores = forward(x)
        return scores
    mlp.forward = repeated
    CHANGE
    return mlp
"""
REVISIONS = {
    "same": ("20", "pass"),
    "slow10": ("22", "pass"),
    "slow20": ("24", "pass"),
    "worse": ("20", "mlp.fc2.bias.data[0] += 50"),
    "larger": ("20", "mlp.spare = mlp.fc1; mlp.size_bytes = lambda: 12_000"),
}


def repository(folder):
    "A repository with a branch for each revision."

    def git(*words):
        subprocess.run(["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *words], check=True)

    git("init", "-q", "-b", "same")
    for name, (calls, change) in REVISIONS.items():
        if name != "same":
            git("checkout", "-q", "-b", name, "same")
        Path(folder, "models.py").write_text(MODEL.replace("CALLS", calls).replace("CHANGE", change))
        git("add", ".")
        git("commit", "-q", "-m", name)


def trials(folder, head, count, seed):
    "How often `head` passed, was a regression or was not comparable; rounds of each; seconds in all."
    statuses, rounds, speedups, start = Counter(), [], [], time.monotonic()
    for k in range(count):
        outcome, _ = gate.run(gate.Gate("same", head, "models:model", folder=folder), rng=seed + k)
        statuses[outcome.status] += 1
        rounds.append(outcome.figures["rounds"])
        speedups.append(outcome.figures["speedup"])
    low, median, high = np.percentile(speedups, [0, 50, 100])
    print(
        f"| {head:<7} | {count:>6} | {statuses[0]:>6} | {statuses[1]:>10} | {statuses[2]:>14} "
        f"| {np.median(rounds):>4.0f} ({max(rounds):>2}) "
        f"| {median:.3f} [{low:.3f}, {high:.3f}] | {(time.monotonic() - start) / count:>6.1f} |",
        flush=True,
    )
    return statuses


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aa", type=int, default=5, help="trials of a revision against itself")
    parser.add_argument("--slow", type=int, default=5, help="trials of a true slowdown of 10 %%")
    parser.add_argument("--other", type=int, default=2, help="trials of each other change")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repository(folder)
        print("| new     | trials | passed | regression | not comparable | rounds (most) | speedup [range] | s each |")
        print("|---" * 8 + "|")
        same = trials(folder, "same", asked.aa, asked.seed)
        slow = trials(folder, "slow10", asked.slow, asked.seed)
        others = [trials(folder, head, asked.other, asked.seed)[1] for head in ("slow20", "worse", "larger")]
    kept = same[0] == asked.aa and slow[1] >= 0.95 * asked.slow and min(others) == asked.other
    print(
        f"{same[0]} of {asked.aa} of a revision against itself pass; "
        f"a true 10 % is caught {slow[1]} of {asked.slow} times"
    )
    sys.exit(not kept)


if __name__ == "__main__":
    main()
