"""One side of a paired measurement: a process that builds a model, and times blocks of calls when it is told to.

`turns.py` starts it as a script: JSON lines in, JSON lines out. It imports nothing of the package it lies in, because
the model under test may bring a TinyTorch of any revision.
"""

import contextlib
import gc
import importlib
import json
import math
import operator
import os
import sys
import time
import traceback
import types
from itertools import cycle, islice
from pathlib import Path

import numpy as np


class Fault(Exception):
    "Why this side cannot be measured: a kind (absent, raised, data, mixed) and one line."


def digits_mlp():
    "The capstone's model on the digits with its trained weights, of whichever TinyTorch is imported."
    from tinytorch.datasets import load_digits_mlp
    from tinytorch.olympics import SimpleMLP

    model = SimpleMLP(64, 32, 10)
    for parameter, weights in zip(model.parameters(), load_digits_mlp()):
        parameter.data[...] = weights
    return model


def build(target):
    "What the factory `MODULE:NAME` returns; the capstone's model where no target is named."
    if not target:
        return digits_mlp()
    module, _, name = target.partition(":")
    try:
        factory = operator.attrgetter(name)(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if not error.name or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise Fault("absent", f"there is no module {error.name}") from error
    except AttributeError as error:
        if name and name.split(".")[0] in str(error):
            raise Fault("absent", f"module {module} has no {name}") from error
        raise
    return factory()


def array(value):
    "The NumPy array behind a Tensor, a torch tensor or a list."
    return np.asarray(value if isinstance(value, np.ndarray) else getattr(value, "data", value))


def as_input(kind):
    "The function that makes of an array what the model takes."
    if kind == "tensor":
        return importlib.import_module("tinytorch.core.tensor").Tensor
    if kind == "torch":
        return importlib.import_module("torch").from_numpy
    return lambda x: x


def kinds(model, asked):
    "The kinds of input to try: the one asked for, else what the model looks like."
    if asked != "auto":
        return [asked]
    torch = sys.modules.get("torch")
    if torch and isinstance(model, torch.nn.Module):
        return ["torch"]
    return ["tensor", "array"] if "tinytorch.core.tensor" in sys.modules else ["array"]


def no_gradients():
    "A context in which neither TinyTorch nor torch records, where they are loaded."
    stack = contextlib.ExitStack()
    with contextlib.suppress(ImportError, AttributeError):
        if "tinytorch.core.tensor" in sys.modules:
            stack.enter_context(importlib.import_module("tinytorch.core.autograd").no_grad())
    if "torch" in sys.modules:
        stack.enter_context(sys.modules["torch"].no_grad())
    return stack


def right(output, y):
    "How many samples the scores (n, classes) or labels (n,) in `output` get right. `Fault` for anything else."
    found, n = array(output), len(y)
    if found.ndim == 2 and len(found) == n and found.shape[1] > y.max() and found.dtype.kind in "fiu":
        if not np.isfinite(found).all():
            raise Fault("data", "the model's scores are not all finite")
        found = found.argmax(axis=1)
    elif found.shape != (n,):
        raise Fault(
            "data",
            f"the model gives {found.dtype} of shape {found.shape} for {n} samples of {y.max() + 1} classes, "
            f"expected scores ({n}, {y.max() + 1}) or labels ({n},)",
        )
    return int(np.sum(found == y))


def owner(model):
    """The object that keeps a callable's arrays: the one a method is bound to; of a function what it closes over and
    the globals that it names; else itself."""
    if hasattr(model, "__self__"):
        return model.__self__
    code = getattr(model, "__code__", None)
    if code is None or hasattr(model, "parameters") or hasattr(model, "size_bytes"):
        return model
    named = [model.__globals__[name] for name in code.co_names if name in model.__globals__]
    return [cell.cell_contents for cell in model.__closure__ or ()] + named


def held(obj, seen):
    "The arrays in `obj` that own their memory, each once: in its items, or in its attributes other than gradients."
    if id(obj) in seen or isinstance(obj, (str, bytes, type)):
        return
    seen[id(obj)] = obj
    if isinstance(obj, np.ndarray):
        yield from held(obj.base, seen) if isinstance(obj.base, np.ndarray) else [obj]
    elif isinstance(obj, (list, tuple, set, frozenset, dict)):
        for part in obj.values() if isinstance(obj, dict) else obj:
            yield from held(part, seen)
    elif isinstance(getattr(obj, "__dict__", None), dict) and not isinstance(obj, types.ModuleType):
        yield from held({name: part for name, part in vars(obj).items() if name != "grad"}, seen)


def sizes(model):
    "(parameters, bytes stored), shared arrays once, by the model's own count where it has one. `Fault` without arrays."
    kept = owner(model)
    parts = map(array, kept.parameters()) if callable(getattr(kept, "parameters", None)) else held(kept, {})
    arrays = list({id(a): a for a in parts if a.dtype.kind in "biufc"}.values())
    if hasattr(kept, "size_bytes"):
        stored = int(kept.size_bytes())
    else:
        layers = [layer for layer in getattr(kept, "layers", None) or [] if hasattr(layer, "size_bytes")]
        theirs = {id(array(p)) for layer in layers for p in layer.parameters()}
        stored = sum(int(layer.size_bytes()) for layer in layers) + sum(a.nbytes for a in arrays if id(a) not in theirs)
    if stored <= 0:
        raise Fault(
            "data", "no array was found in the model, so its size is unknown; give it a size_bytes() or parameters()"
        )
    if hasattr(kept, "count_parameters"):
        return int(kept.count_parameters()), stored
    return sum(a.size for a in arrays), stored


class Subject:
    "A model, its rows in rotation, and what is known of it before it is timed."

    def __init__(self, job):
        self.job, data = job, np.load(job["data"], allow_pickle=False)
        self.X, self.y = data["X"], data["y"]
        model = build(job["target"])
        self.call = getattr(model, "forward", model)
        if not callable(self.call):
            raise Fault(
                "raised", f"the factory returns {type(model).__name__}, expected a forward method or a function"
            )
        self.kind, self.whole = self._fitting(kinds(model, job["input"]))
        make = as_input(self.kind)
        self.rows = cycle([make(self.X[i : i + 1]) for i in range(min(256, len(self.X)))])
        self.model = model

    def _fitting(self, tried):
        "The first kind of input that the model takes, and the whole data as that."
        faults = []
        for kind in tried:
            try:
                row, whole = as_input(kind)(self.X[:1]), as_input(kind)(self.X)
                start = time.perf_counter_ns()
                self.call(row)
                self.cold_ns = time.perf_counter_ns() - start
                right(self.call(whole), self.y)
                return kind, whole
            except Exception as error:
                faults.append(error)
        if isinstance(faults[-1], Fault):
            raise faults[-1]
        raise Fault("data", f"the model refuses data of shape {self.X.shape}: {said(faults[0])}") from faults[0]

    def facts(self):
        "What the other side needs to plan, and what a submission holds beside latency."
        modules = imported(self.job)
        parameters, stored = sizes(self.model)
        call_ns = self.warm_up(self.job["warmup_s"], self.job["warmup_calls"])
        cost = timer_cost()
        return {
            "kind": self.kind,
            "right": right(self.call(self.whole), self.y),
            "parameters": parameters,
            "bytes": stored,
            "cold_ns": self.cold_ns,
            "call_ns": call_ns,
            "calls": 1 if call_ns > 50 * cost else math.ceil(100 * cost / call_ns),
            "batch_ns": self.batch(),
            "modules": modules,
        }

    def warm_up(self, seconds, calls, most=10):
        "Mean time of a call in ns once `calls` calls and `seconds` have passed (`most` seconds at most)."
        spent = done = 0
        while (done < calls or spent < seconds * 1e9) and spent < most * 1e9:
            spent, done = spent + sum(self.block(min(calls, 1 + done), 1)), done + min(calls, 1 + done)
        return max(1.0, spent / done)

    def batch(self, runs=5):
        "Shortest time in ns of a call with all of the data."
        times = []
        for _ in range(runs):
            start = time.perf_counter_ns()
            self.call(self.whole)
            times.append(time.perf_counter_ns() - start)
        return min(times)

    def block(self, n, calls):
        "n samples in ns, each the mean of `calls` calls; nothing else stands between two readings of the clock."
        rows, samples, call, clock = list(islice(self.rows, n * calls)), [], self.call, time.perf_counter_ns
        gc.collect(1)
        if calls == 1:
            for x in rows:
                start = clock()
                call(x)
                stop = clock()
                samples.append(stop - start)
            return samples
        for k in range(0, len(rows), calls):
            part = rows[k : k + calls]
            start = clock()
            for x in part:
                call(x)
            samples.append((clock() - start) / calls)
        return samples


def timer_cost(reads=2000):
    "What a reading of the clock costs, in ns."
    start = time.perf_counter_ns()
    for _ in range(reads):
        time.perf_counter_ns()
    return max(1.0, (time.perf_counter_ns() - start) / reads)


def imported(job):
    """How many modules came from this side's checkout. `Fault` when one came from another checkout, or none from this
    one."""
    files = {
        name: module.__file__
        for name, module in list(sys.modules.items())
        if getattr(module, "__file__", None) and name != "__main__"
    }
    roots = [Path(root).resolve() for root in job["others"]]
    for name, file in files.items():
        path = Path(file).resolve()
        if any(path.is_relative_to(root) for root in roots) and not path.is_relative_to(Path(sys.prefix).resolve()):
            raise Fault(
                "mixed", f"{name} was imported from {path}, which is another version; put its folder into --path"
            )
    own = (
        sum(Path(file).resolve().is_relative_to(Path(job["root"]).resolve()) for file in files.values())
        if job["root"]
        else None
    )
    if own == 0:
        raise Fault(
            "mixed",
            "nothing that the model uses was imported from its checkout; put the folder of its package into --path",
        )
    return own


def said(error):
    "An exception in a line, with where it was raised."
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename != __file__ and not f.filename.startswith("<frozen")
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500] + where


def serve(lines, out):
    "Answer the job in the first line, then a block for each (n, calls) until the lines end."

    def reply(value):
        print(json.dumps(value), file=out, flush=True)

    job = json.loads(next(lines))
    sys.path[:0] = job["paths"]
    try:
        subject = Subject(job)
        with no_gradients():
            gc.disable()
            reply({"facts": subject.facts()})
            for line in lines:
                if not line.strip():
                    break
                reply({"ns": subject.block(*json.loads(line))})
    except Fault as fault:
        reply({"fault": fault.args[0], "message": fault.args[1]})
    except (Exception, SystemExit) as error:
        reply({"fault": "raised", "message": said(error)})


if __name__ == "__main__":
    commands, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the model prints goes to stderr,
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # and it reads nothing of ours
    serve(commands, answers)
