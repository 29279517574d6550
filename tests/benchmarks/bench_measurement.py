"""What module 19 promises on a real machine: false alarms, power, overhead, agreement with timeit,
pyperf and torch, and cost.

`bench_measurement.py [TRIALS [PART ...]]`: comparisons of each kind, 200 by default (about 25 minutes); the parts are
agreement, overhead, comparisons, origins, small_form, workflow, clocks and across, all of them by default."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import contextlib
import copy
import gc
import math
import pickle
import random
import subprocess
import sys
import tempfile
import timeit
import warnings
from collections import Counter
from pathlib import Path
from time import perf_counter, perf_counter_ns
from types import SimpleNamespace

import numpy as np

from tinytorch import olympics
from tinytorch.benchmarking import compare_latency, measure_latency, preflight
from tinytorch.core.autograd import no_grad
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP
from tinytorch.perf.latency import _Subject

X = load_digits()[2][:64]
ROWS = [Tensor(row[None]) for row in X]


def at_most(trials, p=0.05, confidence=0.99):
    "The least k that a Binomial(trials, p) exceeds with at most 1 - `confidence`: 18 of 200, 31 of 400."
    below, k = 0.0, -1
    while below < confidence:
        k += 1
        below += math.comb(trials, k) * p**k * (1 - p)**(trials - k)
    return k


def report(promise, measured, holds):
    print(f"{promise:62} {measured:46} {'met' if holds else 'MISSED'}", flush=True)


def digits_model(seed=20):
    np.random.seed(seed)
    return SimpleMLP(64, 32, 10)


def work(model, calls):
    "A function that runs the model `calls` times."
    def run(x):
        for _ in range(calls):
            model.forward(x)
    return run


# Points 4 and 7: comparisons, the four kinds taking turns.

def kinds():
    "{name: a function that makes the two sides of one comparison}."
    model = digits_model()
    return {"same model": lambda: (model, model), "built apart": lambda: (digits_model(), digits_model()),
            "5 % more work": lambda: (work(model, 20), work(model, 21)),
            "10 % more work": lambda: (work(model, 20), work(model, 22))}


def compared(trials):
    "{kind: its comparisons}, and the seconds of each comparison."
    found, seconds = {name: [] for name in kinds()}, []
    for trial in range(trials):
        for name, make in kinds().items():
            baseline, optimized = make()
            start = perf_counter()
            found[name].append(compare_latency(baseline, optimized, ROWS, rng=trial, progress=False))
            seconds.append(perf_counter() - start)
    return found, np.array(seconds)


def comparisons(trials):
    found, seconds = compared(trials)
    for name, results in found.items():
        widths = [r.ci_high / r.ci_low - 1 for r in results]
        print(f"  {name:14} speedup {np.median([r.speedup for r in results]):.4f}, interval width "
              f"{np.median(widths):.2%} "
              f"(widest {max(widths):.2%}), {sum(bool(r.warnings) for r in results)} with warnings")
    excluded, allowed = sum(not r.ci_low <= 1 <= r.ci_high for r in found["same model"]), at_most(trials)
    report(f"same model: at most {allowed} of {trials} intervals exclude 1", f"{excluded}", excluded <= allowed)
    claims = sum(r.verdict in ("faster", "slower") for r in found["built apart"])
    seen = sum(not r.ci_low <= 1 <= r.ci_high for r in found["built apart"])
    report("equal models built apart: at most 1 % of verdicts claim",
           f"{claims} of {trials} ({seen} intervals exclude 1)", claims <= trials / 100)
    for name, least in (("5 % more work", 0.90), ("10 % more work", 0.99)):
        power = np.mean([r.verdict == "slower" for r in found[name]])
        report(f"{name}: found in at least {least:.0%}", f"{power:.1%} of {trials}", power >= least)
    report("a comparison takes at most 3 s", f"median {np.median(seconds):.2f} s, slowest {seconds.max():.2f} s",
           seconds.max() <= 3)


# Equal models with different pasts.

SIZES = [(10, 20, 3), (64, 32, 10), (784, 128, 10)]


def weights(model, change):
    "`model` with `change(array)` for each of its arrays."
    for parameter in model.parameters(): parameter.data = change(parameter.data)
    return model


def cut(array):
    "The same numbers, cut from a larger array."
    larger = np.zeros([n + 9 for n in array.shape], array.dtype)
    inside = larger[tuple(slice(4, 4 + n) for n in array.shape)]
    inside[...] = array
    return inside


def touched(model):
    for part in (model, *model.layers): vars(part)
    return model


def trained(model):
    "One step, after which the weights are what they were."
    before = [p.data.copy() for p in model.parameters()]
    for p in model.parameters(): p.requires_grad = True
    optimizer = SGD(model.parameters(), lr=0.1)
    x = np.ones((8, before[0].shape[0]), np.float32)
    CrossEntropyLoss()(model(Tensor(x)), Tensor(np.zeros(8))).backward()
    optimizer.step()
    optimizer.zero_grad()
    for p, array in zip(model.parameters(), before): p.data = array
    return model


def built(size):
    np.random.seed(20)
    return SimpleMLP(*size)


FIRST = {size: built(size) for size in SIZES}  # made before everything else
ORIGINS = {"built": built, "first": FIRST.get, "copied": lambda size: copy.deepcopy(built(size)),
           "loaded": lambda size: pickle.loads(pickle.dumps(built(size))), "touched": lambda size: touched(built(size)),
           "trained": lambda size: trained(built(size)), "cut": lambda size: weights(built(size), cut),
           "last": lambda size: ([bytes(n) for n in range(1, 100_000, 97)], built(size))[1]}


def origins(trials, compare=None, name="equal models"):
    """Every ordered pair of origins in three sizes, and again from the start until there are `trials`; with
    `compare(model, model, inputs)` in place of `compare_latency`."""
    pairs = [(a, b, size) for size in SIZES for a in ORIGINS for b in ORIGINS]
    random.Random(0).shuffle(pairs)
    inputs = {size: Tensor(np.random.default_rng(0).standard_normal((100, size[0]))) for size in SIZES}
    found = []
    for trial in range(trials):
        a, b, size = pairs[trial % len(pairs)]
        first, second = ORIGINS[a](size), ORIGINS[b](size)
        with no_grad():
            result = (compare(first, second, inputs[size]) if compare
                      else compare_latency(first, second, inputs[size], rng=trial, progress=False))
        found.append((size, result))
        if result.verdict in ("faster", "slower"): print(f"  {a} against {b}, {size}: {result}")
    for size in SIZES:
        results = [result for s, result in found if s == size]
        if not results: continue
        logs = [abs(math.log(r.speedup)) for r in results]
        print(f"  {str(size):14} {dict(Counter(r.verdict for r in results))}, median |log speedup| "
              f"{np.median(logs):.4f}, largest {max(logs):.4f}, "
              f"median interval width {np.median([r.ci_high / r.ci_low - 1 for r in results]):.2%}")
    wrong = sum(r.verdict in ("faster", "slower") for _, r in found)
    report(f"{name}, {len(ORIGINS)} origins, three sizes: at most 1 % of verdicts", f"{wrong} of {trials}",
           wrong <= trials / 100)


def small_form(trials):
    "The same of what `olympics.py` brings where module 19 is missing."
    def compare(first, second, X):
        return SimpleNamespace(**olympics._compare_in_turns(first, second, [X[i:i + 1] for i in range(64)]))
    origins(trials, compare, "small form, equal models")


def workflow(trials=50):
    "The lesson's Part 5 with a tool that changes nothing."
    model, verdicts = trained(digits_model()), Counter()
    for trial in range(trials):
        optimized = copy.deepcopy(model)
        with no_grad():
            verdicts[compare_latency(model, optimized, ROWS, rng=trial, progress=False).verdict] += 1
    report(f"an optimization that changes nothing: never a claim in {trials}", str(dict(verdicts)),
           not verdicts["faster"] + verdicts["slower"])


# A measurement ends.

def clocks():
    "How long each clock takes to be refused, or to give a result."
    ticking = lambda: perf_counter_ns() // 15_600_000 * 15_600_000
    for name, timer, limit in (("seconds", perf_counter, 1), ("standing", lambda: 7, 2),
                               ("NaN", lambda: math.nan, 1), ("backwards", lambda: -perf_counter_ns(), 1),
                               ("microseconds", lambda: perf_counter_ns() // 1000, 3), ("15.6 ms", ticking, 20)):
        start = perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                said = compare_latency(digits_model(), digits_model(), ROWS, timer=timer, progress=False)._line()
            except ValueError as error:
                said = str(error)
        seconds = perf_counter() - start
        print(f"  {said}")
        report(f"a clock: {name}, within {limit} s", f"{seconds:.1f} s", seconds <= limit)


# Point 5: what the loop itself costs.

def bare_loop(call, x, n):
    "Time of each of `n` calls, in ns, read around the call and nothing else."
    samples = []
    for _ in range(n):
        start = perf_counter_ns()
        call(x)
        samples.append(perf_counter_ns() - start)
    return samples


def overhead(rounds=401, n=200):
    "In rounds of under a millisecond, which a busy machine seldom interrupts."
    call, x = digits_model().forward, ROWS[0]
    subject = _Subject(call, [x], perf_counter_ns)

    def timed(loop):
        start = perf_counter_ns()
        samples = loop()
        return (perf_counter_ns() - start) / n, np.median(samples)
    sides = [lambda: bare_loop(call, x, n), lambda: subject.block(subject.take(n))]
    gc.collect()
    gc.disable()
    turns = np.array([[timed(side) for side in sides] if turn % 2 else [timed(side) for side in sides[::-1]][::-1]
                      for turn in range(rounds)])
    gc.enable()
    for which, what in enumerate(("takes", "reports")):
        cost, extra = np.median(turns[:, 0, which]), np.median(turns[:, 1, which] - turns[:, 0, which])
        report(f"what a timed call {what}: within 10 % or 100 ns of a bare loop",
               f"{cost:.0f} ns, {extra:+.0f} ns ({extra / cost:+.1%})", extra <= max(100, 0.1 * cost))


# Point 6: other instruments on the same callable, all in loops of under a millisecond or so.

def subject(rows):
    "(callable, argument): the digits model on the first `rows` test samples."
    return digits_model().forward, Tensor(X[:rows])


def by_ours(call, x, rows):
    return measure_latency(call, [x], 500, progress=False).median * 1e6


def by_timeit(call, x, rows, number=128, repeat=180):
    return (1e9 * np.median(timeit.repeat("call(x)", globals={"call": call, "x": x}, number=number, repeat=repeat))
            / number)


def by_pyperf(call, x, rows):
    import pyperf
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pyperf.json"
        subprocess.run([sys.executable, "-m", "pyperf",
                        "timeit", "--processes", "3", "--values", "60", "--loops", "128", "--copy-env", "-q", "-o", out,
                        "-s", f"import bench_measurement as b; call, x = b.subject({rows})", "call(x)"], check=True,
                       capture_output=True, cwd=Path(__file__).parent)
        return 1e9 * pyperf.Benchmark.load(str(out)).median()


def by_torch(call, x, rows):
    from torch.utils.benchmark import Timer
    timer = Timer("call(x)", globals={"call": call, "x": x})
    return 1e9 * np.median([timer.timeit(128).mean for _ in range(180)])


def agreement(rounds=7):
    others = {"timeit": (by_timeit, 0.05), "pyperf": (by_pyperf, 0.10), "torch.utils.benchmark": (by_torch, 0.10)}
    for name, (other, limit) in others.items():
        try:
            __import__(name.split(".")[0])
        except ImportError:
            print(f"{name}: not measured, it is not installed (pip install {name.split('.')[0]})")
            continue
        for rows in (1, 64):
            call, x = subject(rows)
            turns = [[f(call, x, rows)
                      for f in ((by_ours, other) if turn % 2 else (other, by_ours))][::1 if turn % 2 else -1]
                     for turn in range(rounds)]
            # the quietest round of each: a loaded machine hits long loops more than single calls
            ours, theirs = np.min(turns, axis=0)
            report(f"median of a call on {rows} row(s) within {limit:.0%} of {name}",
                   f"{ours:.0f} and {theirs:.0f} ns, ratio {ours / theirs:.3f}", abs(ours / theirs - 1) <= limit)


def across(times=3):
    "For information: six fresh processes."
    for _ in range(times):
        start = perf_counter()
        result = compare_latency(digits_model(), digits_model(), ROWS, scope="across_processes", rng=0, progress=False)
        print(f"across six processes: {perf_counter() - start:.1f} s; {result}")


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    parts = (sys.argv[2:]
             or ["agreement", "overhead", "comparisons", "origins", "small_form", "workflow", "clocks", "across"])
    print(preflight())
    for part in parts:
        with contextlib.nullcontext() if part in ("origins", "small_form", "workflow") else no_grad():
            globals()[part](*[trials] * (part in ("comparisons", "origins", "small_form")))
