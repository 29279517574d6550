"""`capstone bench`: measure anything callable from the shell, alone or against another, and make a submission of it."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .turns import Plan, Round, Side, Unmeasurable, interval, measure

ROUNDS = 6  # the fewest that give an interval
MIN_EFFECT = 0.02
NAMES = ("X", "y"), ("X_test", "y_test")


def load(data: str) -> tuple[np.ndarray, np.ndarray]:
    "Samples (n, ...) and class indices (n,) of the digits, or of an .npz file with X and y. Raises `Unmeasurable`."
    if data == "digits":
        from tinytorch.datasets import load_digits

        return load_digits()[2:]
    wanted = f"{data}: expected an .npz file with samples X (n, ...) and class indices y (n,)"
    try:
        with np.load(data, allow_pickle=False) as found:
            if not hasattr(found, "files"):
                raise Unmeasurable(f"{wanted}, got a single array", "data")
            x, y = next((pair for pair in NAMES if set(pair) <= set(found.files)), (None, None))
            if x is None:
                raise Unmeasurable(f"{wanted}, got {', '.join(found.files) or 'nothing'}", "data")
            X, y = found[x], found[y]
    except FileNotFoundError:
        raise Unmeasurable(f"{data}: no such file; give `digits` or an .npz file", "data") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, Unmeasurable):
            raise
        raise Unmeasurable(f"{wanted}, and this is none", "data") from error
    if (
        X.ndim < 1
        or y.shape != (len(X),)
        or not len(X)
        or X.dtype.kind not in "fiu"
        or y.dtype.kind not in "iu"
        or y.min() < 0
    ):
        raise Unmeasurable(f"{wanted}, got X {X.dtype} {X.shape} and y {y.dtype} {y.shape}", "data")
    return X, y.astype(np.int64)


@contextmanager
def stored(X: np.ndarray, y: np.ndarray) -> Iterator[Path]:
    "A temporary file with the data, for the processes that measure."
    with tempfile.TemporaryDirectory(prefix="capstone-") as folder:
        np.savez(Path(folder, "data.npz"), X=X, y=y)
        yield Path(folder, "data.npz")


def _latency(rounds: list[Round], k: int) -> dict:
    "The latency metrics of side `k`: of all its samples, and the median's interval from the rounds' medians."
    from tinytorch.benchmarking import median_ranks, min_runs

    ms = np.concatenate([block for r in rounds for block in r.blocks[k]]) / 1e6
    medians = sorted(float(np.median(np.concatenate(r.blocks[k]))) / 1e6 for r in rounds)
    mean = float(ms.mean())
    found = {
        "latency_ms_mean": mean,
        "latency_ms_std": float(ms.std()),
        "throughput_samples_per_sec": 1000 / mean,
        "latency_ms_median": float(np.median(ms)),
        "num_runs": len(ms),
    }
    if len(medians) >= ROUNDS:
        low, high = median_ranks(len(medians))
        found |= {"latency_ms_median_ci_low": medians[low - 1], "latency_ms_median_ci_high": medians[high - 1]}
    if all(r.calls == 1 for r in rounds):
        found |= {f"latency_ms_p{p}": float(np.percentile(ms, p)) for p in (90, 95, 99) if len(ms) >= min_runs(p)}
    return found


def _same(rounds, k, name):
    "What side `k` says in every round, or the lower median where rounds differ; whether they all agree."
    values = sorted(r.facts[k][name] for r in rounds)
    return values[(len(values) - 1) // 2], values[0] == values[-1]


def metrics(rounds: list[Round], k: int, num_samples: int) -> dict:
    "The metrics of side `k` as a submission has them: plain numbers."
    from tinytorch.benchmarking import wilson_interval

    right, batch_ns, cold_ns = (_same(rounds, k, name)[0] for name in ("right", "batch_ns", "cold_ns"))
    low, high = wilson_interval(right, num_samples)
    return {
        "parameter_count": _same(rounds, k, "parameters")[0],
        "model_size_mb": _same(rounds, k, "bytes")[0] / 2**20,
        "accuracy": right / num_samples,
        "accuracy_ci_low": float(low),
        "accuracy_ci_high": float(high),
        **_latency(rounds, k),
        "cold_start_ms": cold_ns / 1e6,
        "batch_size": num_samples,
        "batch_throughput_samples_per_sec": 1e9 * num_samples / batch_ns,
    }


def notes(sides: list[Side], rounds: list[Round]) -> list[str]:
    """Warnings a person can act on: what differs between processes although it should not, and how much the rounds
    scatter."""
    found = [
        f"{side.name}: {what} differs between processes; seed what makes it"
        for k, side in enumerate(sides)
        for name, what in (("right", "accuracy"), ("bytes", "size"))
        if not _same(rounds, k, name)[1]
    ]
    if len(sides) == 2 and len(rounds) >= ROUNDS:
        spread = float(np.subtract(*np.percentile([r.log_ratio for r in rounds], [75, 25])))
        if spread > 0.10:
            found.append(
                f"the rounds' ratios have an IQR of {spread:.0%}: the machine is busy, measure again when it is quiet"
            )
    return found


def report(side: Side, rounds: list[Round], k: int, X, y, plan: Plan):
    "A BenchmarkReport with what the rounds found of side `k`."
    from tinytorch.olympics import BenchmarkReport, _sha256

    made = BenchmarkReport(side.model)
    made.metrics = metrics(rounds, k, len(y))
    protocol = {
        "num_runs": made.metrics["num_runs"],
        "clock": "perf_counter_ns",
        "batch_size": 1,
        "processes": len(rounds),
        "blocks": plan.pairs,
        "calls_per_sample": rounds[0].calls,
        "warmup_s": plan.warmup_s,
        "warmup_calls": plan.warmup_calls,
        "input": rounds[0].facts[k]["kind"],
    }
    made.provenance = {"X_sha256": _sha256(X), "y_sha256": _sha256(y), "num_samples": len(y), "protocol": protocol}
    return made


def comparison(sides: list[Side], rounds: list[Round], plan: Plan, min_effect: float) -> dict:
    "The paired comparison of the two sides as a submission holds it."
    from tinytorch.benchmarking import verdict

    speedup, low, high = interval(rounds)
    return {
        "speedup": speedup,
        "ci_low": low,
        "ci_high": high,
        "verdict": verdict(low, high, min_effect),
        "scope": "across_processes",
        "pairs": plan.pairs,
        "min_effect": min_effect,
        "warnings": notes(sides, rounds),
        "protocol": {
            "clock": "perf_counter_ns",
            "block_s": plan.block_s,
            "warmup_s": plan.warmup_s,
            "warmup_calls": plan.warmup_calls,
            "processes": [{"speedup": float(np.exp(r.log_ratio)), "seed": r.seed} for r in rounds],
        },
    }


def submission(
    sides: list[Side], rounds: list[Round], X, y, plan: Plan, min_effect: float = MIN_EFFECT, techniques=(), commits=()
) -> dict:
    """A valid submission of one side, or of two, the first of them the baseline; `commits` name the revision of each,
    where known."""
    from tinytorch.olympics import generate_submission, validate_submission_schema

    reports = [report(side, rounds, k, X, y, plan) for k, side in enumerate(sides)]
    for made, commit in zip(reports, commits):
        made.provenance["commit"] = commit
    paired = comparison(sides, rounds, plan, min_effect) if len(sides) == 2 else None
    made = generate_submission(*reports, techniques_applied=list(techniques) if paired else None, comparison=paired)
    validate_submission_schema(made)
    return made


def head() -> str | None:
    "The commit that is checked out here; None outside a repository, and where it has changes that are not committed."
    from .gate import commit, git

    try:
        return None if git(".", "status", "--porcelain", "--untracked-files=no") else commit(".", "HEAD")
    except Unmeasurable:
        return None


def bench(
    target: str,
    data: str = "digits",
    against: str | None = None,
    rounds: int = ROUNDS,
    plan: Plan = Plan(),
    techniques=(),
    progress: Callable | None = None,
    rng=None,
) -> dict:
    """A submission about the factory `target`, compared with `against` as its baseline where that is given. Raises
    `Unmeasurable`."""
    for name in filter(None, (target, against)):
        if not all(name.partition(":")[::2]):
            raise Unmeasurable(f"got {name!r}, expected MODULE:FACTORY, such as models:small")
    X, y = load(data)
    sides = [Side(name, name, [Path(os.getcwd())]) for name in filter(None, (against, target))]
    with stored(X, y) as file:
        made = measure(sides, file, plan, rounds, rng=rng, progress=progress)
    commits = [known] * len(sides) if (known := head()) else ()
    return submission(sides, made, X, y, plan, techniques=techniques, commits=commits)
