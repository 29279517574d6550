"""The vocabulary of the capstone's tests: a virtual clock, fake models, checks that say what came and what was
expected.

The tests themselves, their points and their hidden lines stand in `20_capstone.ipynb`; a check takes what it tests
as an argument. Nothing in this file answers a cell: what a check expects is a literal, or is worked out otherwise
than the lesson asks for.

In a notebook all of this is one process. The instructor's run puts the student's code into a process of its own and
replaces the functions of the first section; so a check reaches the student's modules through `their`, and every fake
lists in `shows` what student code may see of it (in `sets`: what it may set).
"""
import contextlib
import copy
import functools
import importlib
import inspect
import itertools
import json
import math
import os
import random
import struct
import sys
import tempfile
import time
import traceback
from datetime import datetime, timezone
from types import SimpleNamespace

import numpy as np

from tinytorch.core.tensor import Tensor

# ---- where the student's code is: the instructor's run puts functions of its own in the place of these


def their(name):
    "The module `name` as the student's code has it."
    return importlib.import_module(name)


def there(value):
    "`value`, put where the student's code is; what a function from there gives stays there."
    return value


def here(value):
    "A copy of what lies there, as it is now."
    return copy.deepcopy(value)


def each(function, cases):
    "(value, None) or (None, error) of `function(*case)` for every case; a generator counts as a list."
    def one(case):
        try:
            value = function(*case)
            return (list(value) if inspect.isgenerator(value) else value), None
        except Exception as error:
            return None, error
    return [one(case) for case in cases]


def every_node(value, schema, at=""):
    "(value, schema, pointer) of `value` and of everything below it."
    yield value, schema, at
    below = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for name, member in below:
        inner = schema.get("items", {}) if type(value) is list else schema.get("properties", {}).get(name, {})
        yield from every_node(member, inner, f"{at}/{name}")


def findings(rule, submissions, schema=None):
    "What `rule` finds in each submission, at every node where there is a `schema`: (list, None) or (None, error)."
    known = {}   # most nodes are shared by all submissions: ask about each once

    def found_in(submission):
        found = []
        for node in [(submission,)] if schema is None else every_node(submission, schema):
            key = id(node[0]), node[-1] if schema else ""
            if key not in known: known[key] = list(rule(*node) or ())
            found += known[key]
        return found
    return each(found_in, [(submission,) for submission in submissions])


@contextlib.contextmanager
def patched(**stand_ins):
    "Put `stand_ins` for other parts into the notebook while one part is tested."
    notebook = vars(sys.modules["__main__"])
    before = {name: notebook[name] for name in stand_ins if name in notebook}
    notebook.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins: notebook.pop(name, None)
        notebook.update(before)


def without_asserts(function):
    "`function` as `python -O` compiles its cell; as it is where its source cannot be read."
    try: source = "".join(inspect.linecache.getlines(function.__code__.co_filename)) or inspect.getsource(function)
    except (OSError, TypeError, AttributeError): return function
    scope = dict(function.__globals__)
    exec(compile(source, "<python -O>", "exec", optimize=1), scope)
    return scope[function.__name__]


def calls_seen(call, names):
    "Which of the built-in functions `names` are used by `call()`, in order."
    asked, before = [], sys.getprofile()

    def note(frame, event, function):
        if event == "c_call" and function.__name__ in names: asked.append(function.__name__)
    sys.setprofile(note)
    try: call()
    finally: sys.setprofile(before)
    return asked


MOST = 2**20   # characters of a file


class Folder:
    "A folder of text files; `base`: its descriptor, where the path leads to it for the student's code alone."
    base = None
    def __init__(self, path): self.path = path
    def names(self): return sorted(os.listdir(self.path))

    def open(self, name, mode="r"):
        path = os.path.join(self.path, name)
        if mode == "r" and not os.path.isfile(path):   # to open a pipe would be to wait for its writer
            raise OSError(f"{name} is no file that can be read: a link, a pipe or a folder")
        return open(path, mode, encoding="utf-8")

    def read(self, name):
        with self.open(name) as file: return file.read(MOST)

    def write(self, name, text):
        with self.open(name, "w") as file: file.write(text)


@contextlib.contextmanager
def new_folder():
    "An empty `Folder` that is gone afterwards."
    with tempfile.TemporaryDirectory() as path: yield Folder(path)


def put(tensor, values):
    "Make `values` the data of `tensor`, also in a TinyTorch that lets nobody assign to `.data`."
    try: tensor.data = values
    except AttributeError:
        old = array_of(tensor)
        if (old.shape, old.dtype) == (values.shape, values.dtype): old[...] = values
        else:  # a class of its own, whose data is this array
            tensor.__class__ = type("Tensor", (type(tensor),), {"data": values, "__slots__": ()})


def array_of(x): return np.asarray(x if isinstance(x, np.ndarray) else getattr(x, "data", x))


# ---- the clock: it stands still until a fake model moves it


class VirtualClock:
    "Every clock of `time` reads this one while a test runs; only `advance` moves it."
    now_ns, active, asleep, reads = 0, False, False, 0
    wall = staticmethod(lambda ns: ns)  # what the adjustable wall clock makes of the time
    sleep = staticmethod(time.sleep)

    def advance(self, ms):
        self.now_ns += round(ms * 1e6)
        if self.asleep: self.sleep(float(ms) / 1e3)

    def wrap(self, name, real):
        "`real`, a function of `time`, which tells the virtual time while a test runs."
        def clock(*args):
            if not self.active: return real(*args)
            self.reads += 1
            adjustable = name in ("time", "time_ns") or args == (getattr(time, "CLOCK_REALTIME", None),)
            ns = self.wall(self.now_ns) if adjustable else self.now_ns
            return ns if name.endswith("_ns") else ns / 1e9
        clock.__name__ = name
        return clock

    def install(self):
        "Stand behind every clock; modules that keep a clock by name are loaded again."
        for clock in ("perf_counter", "monotonic", "process_time", "thread_time", "time", "clock_gettime"):
            for name in (clock, f"{clock}_ns"):
                if hasattr(time, name): setattr(time, name, self.wrap(name, getattr(time, name)))
        for name in ("timeit", "tinytorch.benchmarking", "tinytorch.perf.benchmarking"):
            if name in sys.modules: importlib.reload(sys.modules[name])
        time.virtual = self
        return self


virtual = getattr(time, "virtual", None) or VirtualClock().install()


def on_virtual_clock(call, wall=lambda ns: ns):
    "`call()` on the virtual clock; where it read no clock that we know, again in real time."
    virtual.active, virtual.now_ns, virtual.reads, virtual.asleep, virtual.wall = True, 0, 0, False, wall
    try:
        result = call()
        if virtual.reads == 0:
            virtual.active, virtual.asleep = False, True
            result = call()
        return result
    finally:
        virtual.active = False


# ---- fakes that cost known amounts of virtual time

class SlowArray(np.ndarray):
    "An array whose slicing costs `slice_ms` of virtual time."
    slice_ms = 0

    def sliced(self): virtual.advance(self.slice_ms)

    def __getitem__(self, key):
        self.sliced()
        return np.asarray(self)[key]


class SlowOutput:
    "Scores that cost `read_ms` to read, as post-processing would."
    shows = "data", "shape", "numpy", "__array__"

    def __init__(self, scores, read_ms): self.scores, self.read_ms, self.shape = scores, read_ms, scores.shape

    @property
    def data(self):
        virtual.advance(self.read_ms)
        return self.scores

    def numpy(self): return self.data
    def __array__(self, *args, **kwargs): return self.data


FOUR = np.eye(4, dtype=np.float32)   # scores of four classes, each the highest once


class SlowModel:
    """A model whose calls cost `ms(x)` of virtual time; it sees class i % 4 in a row of i.

    Call number n (from 0) costs `more_ms(n)` more. `breaks` is raised instead."""
    shows = "forward", "__call__", "parameters"

    def __init__(self, ms, more_ms=lambda number: 0, read_ms=0, shape=(2, 3), breaks=None):
        self.ms, self.more_ms, self.read_ms, self.breaks = ms, more_ms, read_ms, breaks
        self.inputs, self.held_shape = [], shape

    @functools.cached_property
    def held(self): return Tensor(np.zeros(self.held_shape))

    def forward(self, x):
        if self.breaks is not None: raise self.breaks
        x = np.atleast_2d(np.asarray(x.data if hasattr(x, "data") else x))
        virtual.advance(self.ms(x) + self.more_ms(len(self.inputs)))
        self.inputs.append(x)
        return SlowOutput(FOUR[x[:, 0].astype(int) % 4], self.read_ms)

    def __call__(self, x): return self.forward(x)
    def parameters(self): return [self.held]


def slow_rows(n, slice_ms=0):
    "A Tensor of `n` rows, row i filled with i, whose slicing costs `slice_ms`."
    rows = np.repeat(np.arange(n, dtype=np.float32)[:, None], 2, axis=1)
    X = Tensor(rows)
    if slice_ms: put(X, rows.view(type("SlowArray", (SlowArray,), {"slice_ms": slice_ms})))
    return X


# ---- fakes that hold or remember

class Doubled:
    "Stands in for a layer that module 15 puts in place of another; counts its calls."
    shows = "forward", "__call__", "parameters"

    def __init__(self): self.calls = 0

    def forward(self, x):
        self.calls += 1
        return Tensor(2 * array_of(x))

    def __call__(self, x): return self.forward(x)
    def parameters(self): return []


class Holds:
    "A model or a layer that stores the given arrays."
    shows = ("parameters",)

    def __init__(self, *arrays): self.tensors = [self.holder(array) for array in arrays]

    @staticmethod
    def holder(array):
        held = Tensor(np.zeros(array.shape))
        put(held, array)
        return held

    def parameters(self): return self.tensors


class Knows(Holds):
    "A model or a layer that knows its own size, as module 15's quantized layer does."
    shows = "parameters", "size_bytes"

    def size_bytes(self): return 12345


class Stacked:
    "A model of layers, whose `parameters()` are those of all that have some."
    shows = "layers", "parameters"

    def __init__(self, *layers): self.layers = list(layers)
    def parameters(self): return [p for layer in self.layers if hasattr(layer,
        "parameters") for p in layer.parameters()]


class Plain:
    "A layer that keeps nothing and has no `parameters()`, as a reshape might be."
    shows = ("forward",)

    def forward(self, x): return x


class Recorder:
    "A model that remembers what was done to it; each step leaves a trace in its one parameter."
    shows = "forward", "parameters", "layers"

    def __init__(self, *steps): self.steps = list(steps)

    @property
    def layers(self): return [self]

    def do(self, step): self.steps.append(step)
    def forward(self, x): return x
    def parameters(self): return [Tensor(np.full(2, len(self.steps)))]


def in_place(name): return lambda model: model.do(name)
def into_another(name): return lambda model: Recorder(*model.steps, name)


def with_statistics(name):
    def tool(model):
        model.do(name)
        return {"bits": 8}
    return tool


class FakeReport:
    "Stands in for BenchmarkReport: notes what it was asked to measure."
    shows = "model_name", "metrics", "system_info", "timestamp", "provenance", "comparison", "benchmark_model"
    sets = ("comparison",)
    comparison = None

    def __init__(self, model_name="model"):
        self.__dict__.update(vars(some_report(model_name)), asked=None, metrics={})

    def benchmark_model(self, model, X_test, y_test, num_runs=100):
        self.asked = {"model": model, "X": array_of(X_test).tolist(), "y": array_of(y_test).tolist(),
                      "num_runs": num_runs}
        self.metrics = some_metrics(median_ms=20.0)
        return self.metrics


class WatchedFiles:
    """Follows every rename and removal in a `with` block: `gone` says after which of them `name` was missing, else
    None; `texts` are what it held after the others."""
    FUNCTIONS = "replace", "rename", "remove", "unlink"

    def __init__(self, folder, name): self.folder, self.name, self.gone, self.texts = folder, name, None, set()

    def __enter__(self):
        self.watch = watch(self.folder)
        self.os, self.set = their("os"), their("builtins").setattr
        real = each(their("builtins").getattr, [(self.os, name) for name in self.FUNCTIONS])
        self.real = {name: function for name, (function, _) in zip(self.FUNCTIONS, real)}
        each(self.set, [(self.os, name, self.follow(name, function)) for name, function in self.real.items()])
        return self

    def follow(self, name, function):
        def followed(*args, **more):
            result = function(*args, **more)
            text, _ = attempt(lambda: self.folder.read(self.name))
            if text is not None: self.texts.add(text)
            elif self.gone is None and self.name not in self.folder.names(): self.gone = f"os.{name}"
            return result
        return followed

    def __exit__(self, *_):
        each(self.set, [(self.os, name, function) for name, function in self.real.items()])
        if self.watch is not None and left(self.watch) & {self.name, ""} and self.gone is None:
            self.gone = "a removal or a rename"


@functools.cache
def inotify():
    "(the C library, a descriptor from which Linux tells what becomes of files), None elsewhere."
    try: libc = importlib.import_module("ctypes").CDLL(None)
    except (ImportError, OSError, TypeError): return None
    notes = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(libc, "inotify_init1") else -1
    return None if notes < 0 else (libc, notes)


def watch(folder):
    "From now on `left` knows which names leave the `folder`, by whatever function; None where nothing tells."
    if inotify() is None: return None
    (libc, notes), before, moved_from, deleted = inotify(), os.getcwd(), 0x40, 0x200
    os.chdir(folder.path if folder.base is None else folder.base)
    try: return libc.inotify_add_watch(notes, b".", moved_from | deleted)
    finally: os.chdir(before)


def left(watch):
    "The names that have left a watched folder; an empty one where they were too many to be told."
    (libc, notes), told, names = inotify(), b"", set()
    with contextlib.suppress(BlockingIOError):
        while True: told += os.read(notes, 2**16)
    libc.inotify_rm_watch(notes, watch)
    while told:
        about, _, _, size = struct.unpack_from("iIII", told)
        if about in (watch, -1): names.add(os.fsdecode(told[16:16 + size].rstrip(b"\0")))
        told = told[16 + size:]
    return names


# ---- the words of every check

def check(ok, got, why="", want=None):
    "Raise `AssertionError` unless `ok` is exactly true, also under `python -O`: what came, what was expected, why."
    if type(ok) is bool and ok or type(ok) is np.bool_ and bool(ok): return
    expected = f", expected {want}" if want is not None and check.telling else ""
    failed = AssertionError(f"{got}{expected}{why and ': '}{why}")
    failed._render_traceback_ = lambda: [f"AssertionError: {failed}"]  # a notebook shows the message, not the way there
    raise failed


check.telling = True


@contextlib.contextmanager
def unseen():
    "A hidden test: random numbers whose seed the instructor's run chooses, and messages that keep what they expected."
    check.telling = False
    try:
        yield np.random.default_rng(int(os.environ.get("CAPSTONE_SEED", "20")))
    finally:
        check.telling = True


def short(value, most=60):
    "`repr(value)`, cut where it is long."
    text = repr(value)
    return text if len(text) <= most else f"{text[:most - 20]}... ({len(text)} characters)"


def attempt(call):
    "(what `call()` gives, None), or (None, the error that it raises)."
    try:
        return call(), None
    except NotImplementedError:  # a cell that nobody has filled in yet
        raise
    except Exception as error:
        return None, error


def near(got, want):
    "Whether two lists of times agree: to a millionth on the virtual clock, roughly where the test had to sleep."
    got, want = (np.asarray(times, dtype=float) for times in (got, want))
    if got.shape != want.shape: return False
    slack = 20 + 0.5 * abs(want) if virtual.asleep else 1e-6 * abs(want)
    return bool(np.all(abs(got - want) <= slack))


def named(got, why, **mistakes):
    "`why`, or the words of the mistake whose result `got` is: {name in MISTAKEN: its result}."
    if type(got) not in (int, float): return why
    return next((f"that is {MISTAKEN[name]}" for name, wrong in mistakes.items()
                 if abs(got - wrong) <= 1e-6 * abs(wrong) + 1e-9), why)


MISTAKEN = {"percent": "a percentage; give the share, in [0, 1]: do not multiply by 100",
            "share": "a share; give the percentage: multiply by 100",
            "upside_down": "upside down: baseline over optimized, so that more than 1 is better",
            "of_sample": "the sample's (ddof=1); give the population standard deviation of all runs, np.std",
            "table": "the mean of an (n, n) table; predictions and labels must both have the shape (n,)"}


def share_or_percent(got, want, why):
    "`why`, or what to do about a percentage where a share was asked for."
    return named(got, why, percent=100 * want) if abs(want) > 1e-9 else why


# ---- Part 1

def check_forward(model, sizes, samples, rng, at="(Part 1)"):
    "The scores of `model` are those of NumPy, on weights and biases that are put into its layers."
    features, hidden, classes = sizes
    x = rng.normal(size=(samples, features)).astype(np.float32)
    W1, W2 = (rng.normal(size=shape).astype(np.float32) for shape in ((features, hidden), (hidden, classes)))
    b1, b2 = (rng.normal(size=size).astype(np.float32) for size in (hidden, classes))
    for layer, weight, bias in ((model.fc1, W1, b1), (model.fc2, W2, b2)):
        put(layer.weight, weight)
        if layer.bias is None: bias[:] = 0
        else: put(layer.bias, bias)
    want = np.einsum("nh,hk->nk", np.clip(np.einsum("nf,fh->nh", x, W1) + b1, 0, None), W2) + b2
    got = model.forward(Tensor(x))
    check(isinstance(got, Tensor), f"forward: got {type(got).__name__}", f"return the output of fc2 as it comes {at}",
          "a Tensor of scores")
    got = array_of(got)
    check(got.shape == want.shape, f"forward: got shape {got.shape}", f"a row of scores for each sample {at}",
          want.shape)
    check(np.allclose(got, want, atol=1e-3), f"forward: off by {abs(got - want).max():.3g} on {len(x)} samples",
          f"check the order of the layers, and that the only ReLU stands between them {at}", "relu(x W1 + b1) W2 + b2")
    check(np.allclose(array_of(model(Tensor(x))), want, atol=1e-3), "model(x): differs from model.forward(x)",
          f"one calls the other {at}")


def check_parameters(model, sizes, at="(Part 1)"):
    "`model.parameters()` are the four Tensors of the layers themselves, in order."
    listed = model.parameters()
    kinds = sorted({type(p).__name__ for p in listed if not isinstance(p, Tensor)})
    check(kinds == [], f"parameters: got {' and '.join(kinds)} among them",
          f"one flat list: join those of the layers with + {at}", "Tensors alone")
    i, h, o = sizes
    shapes, want = [array_of(p).shape for p in listed], [(i, h), (h,), (h, o), (o,)]
    check(shapes == want, f"parameters: got shapes {shapes} for SimpleMLP{sizes}",
          f"weight and bias of fc1, then of fc2, in the sizes asked for {at}", want)
    owners = model.fc1.weight, model.fc1.bias, model.fc2.weight, model.fc2.bias
    check(all(p is owner for p, owner in zip(listed, owners)), "parameters: got copies",
          f"an optimizer would train nothing {at}",
          "the Tensors of the layers themselves")


def check_count(model, sizes, at="(Part 1)"):
    "`model.count_parameters()` is the plain int that the arrays of its two layers add up to."
    i, h, o = sizes
    held = [layer.weight for layer in (model.fc1, model.fc2)]
    held += [layer.bias for layer in (model.fc1, model.fc2) if layer.bias is not None]
    if sorted(array_of(p).size for p in held if array_of(p).ndim == 2) != sorted((i * h, h * o)):
        for p in held: put(p, np.zeros(random.sample(range(2, 99), 2)))   # not of our sizes: of others, drawn here
    got = model.count_parameters()
    check(type(got) is int, f"count_parameters: got {got!r} of type {type(got).__name__}", f"wrap it in int() {at}",
          "a plain int")
    want = sum(math.prod(array_of(p).shape) for p in held)
    check(got == want, f"count_parameters: got {got}", f"every weight and every bias counts once {at}", want)


def check_layers(model, at="(Part 1)"):
    "After `model.fc1, model.fc2 = new layers`, `layers` and `forward` use the new ones."
    model.fc1, model.fc2 = first, second = Doubled(), Doubled()
    check(len(model.layers) == 3 and model.layers[0] is model.fc1 is first,
          "layers: the old ones after `model.fc1 = new`", f"list the attributes {at}")
    model.forward(Tensor(np.ones((1, 4))))
    calls = [first.calls, second.calls]
    check(calls == [1, 1], f"forward: called the new layers {calls} times after `model.fc1, model.fc2 = new`",
          f"call self.fc1 and self.fc2, which may have been replaced by then {at}", [1, 1])


def check_layer_written(model, index, name, at="(Part 1)"):
    "`model.layers[index] = new` puts the new layer in the place of the attribute `name`, and `forward` uses it."
    model.fc1, model.fc2, new = Doubled(), Doubled(), Doubled()
    there(model).layers[index] = new   # where the student's list lies, not in a copy of it
    check(getattr(model, name) is new and model.layers[index] is new,
          f"layers: a write to `model.layers[{index}]` is lost",
          f"tools of module 15 write there; keep `layers` as it is given {at}", f"the new layer in place of {name}")
    model.forward(Tensor(np.ones((1, 4))))
    check(new.calls == 1, f"forward: called the layer written to `model.layers[{index}]` {new.calls} times",
          f"call self.fc1 and self.fc2, which may have been replaced by then {at}", 1)


def check_not_shared(one, two, at="(Part 1)"):
    "Two models have layers of their own."
    check(one.fc1 is not two.fc1 and one.fc2 is not two.fc2, "SimpleMLP: two models share a layer",
          f"build the layers in __init__ {at}")


# ---- Part 2: the timing loop

LOOP = "(Part 2, The timing loop)"


def timed(time_calls, ms, num_runs, rows=1, wall=lambda ns: ns, slice_ms=0, **costs):
    "Latencies and cold start that `time_calls` gives for a model whose calls cost `ms`, and the model."
    def call():
        model = SlowModel(ms if callable(ms) else lambda x: ms, **costs)
        return time_calls(model, slow_rows(rows, slice_ms), num_runs), model
    results = [on_virtual_clock(call, wall)]
    while virtual.asleep and len(results) < 3: results.append(on_virtual_clock(call, wall))
    for result, model in results:
        check(len(model.inputs) > 0, "_time_calls: never called the model", f"call forward once per run {LOOP}")
        check(type(result) is tuple and len(result) == 2 and np.ndim(result[0]) == 1 and len(result[0]) > 0,
              f"_time_calls: got {short(result)}", f"return the latencies and the cold start {LOOP}",
              "(list of floats, float)")
    check(not virtual.asleep or follows_time(time_calls),
          "_time_calls: the latencies do not follow the time that the calls take",
          f"read a monotonic clock right before and after the forward call {LOOP}", "longer times of slower calls")
    latencies = [float(min(runs)) for runs in zip(*(result[0] for result, _ in results))]
    return latencies, float(min(result[1] for result, _ in results)), model


@functools.lru_cache(maxsize=None)
def follows_time(time_calls):
    """Whether latencies in real time grow with those of calls that take 5, 80 and two times between, asked about in a
    drawn order; made-up numbers do not."""
    costs = random.sample([5, random.randint(20, 40), random.randint(45, 65), 80], 4)
    times = [float(min(on_virtual_clock(lambda: time_calls(SlowModel(lambda x: ms), slow_rows(1), 3))[0]))
             for ms in costs]
    spread = max(times) - min(times)
    return spread > 0 and all(abs((time - min(times)) / spread - (ms - 5) / 75) < 0.2
                              for time, ms in zip(times, costs))


def check_units(time_calls, ms, num_runs):
    "The median of `num_runs` calls that cost `ms` each is about `ms`: seconds and nanoseconds are far off."
    latencies, _, _ = timed(time_calls, ms, num_runs)
    got = sorted(latencies)[len(latencies) // 2]
    check(ms / 30 < got < ms * 30, f"latency_ms: got {got:.6g}",
          f"results are in milliseconds; from seconds multiply by 1000, from ns divide by 1e6 {LOOP}", f"about {ms}")


def check_slower(time_calls, ms, factor=3):
    "Models of `ms`, and of `factor` times as much again and again, take longer in that order, whenever one is asked."
    costs = [ms * factor**step for step in range(4)]
    order = random.choice([order for order in itertools.permutations(costs) if order[0] not in (costs[0], costs[-1])])
    found = {each: min(timed(time_calls, each, 3)[0]) for each in order}
    for quick, slow in zip(costs, costs[1:]):
        check(found[slow] > 2 * found[quick],
              f"_time_calls: got {found[quick]:.4g} for a model of {quick} ms, {found[slow]:.4g} for one of {slow} ms",
              f"a slower model takes longer {LOOP}")


def check_warmup(time_calls, ms, cold_ms, num_runs, at="(Part 2, trap 3)"):
    "A first call that costs `cold_ms` more moves the cold start and no latency; a slow call later is no cold start."
    steady, _, _ = timed(time_calls, ms, num_runs)
    latencies, cold, _ = timed(time_calls, ms, num_runs, more_ms=lambda number: {0: cold_ms}.get(number, 0))
    check(len(latencies) <= num_runs, f"_time_calls: got {len(latencies)} latencies for {num_runs} runs",
          f"warm-up calls are not counted {at}", num_runs)
    check(near([max(latencies)], [max(steady)]),
          f"_time_calls: the slowest run takes {max(latencies) / (max(steady) or 1):.4g} times as long "
          "when the first call of all is cold",
          f"call the model at least once before you count {at}", "the same time")
    unit = steady[0] / ms or 1
    check(near([cold / unit], [ms + cold_ms]), f"cold_start_ms: got {cold / unit:.6g}",
          f"it is the first call of all, warm-up included {at}", ms + cold_ms)
    hiccup = {0: cold_ms, num_runs: 2 * cold_ms}
    _, cold, _ = timed(time_calls, ms, num_runs, more_ms=lambda number: hiccup.get(number, 0))
    check(near([cold / unit], [ms + cold_ms]),
          f"cold_start_ms: got {cold / unit:.6g} when a later call is slower still",
          f"it is the first call of all, not the slowest {at}", ms + cold_ms)


def check_region(time_calls, ms, what, **costs):
    "`costs` outside of the forward call (`slice_ms`, `read_ms`) do not reach the latencies, and `ms` inside does."
    alone, _, _ = timed(time_calls, ms, 12)
    if virtual.asleep: times, costs = 2, dict.fromkeys(costs, 40)   # real time is not that exact
    else: times = random.randint(3, 9)
    latencies, _, _ = timed(time_calls, times * ms, 12, **costs)
    check(min(alone) > 0 and near(latencies, [times * latency for latency in alone]),
          f"_time_calls: 12 runs of {times * ms} ms take {sum(latencies) / (sum(alone) or 1):.3g} times as long as 12 "
          f"of {ms} ms when {what} is slow",
          "only the forward call stands between the two readings of the clock (Part 2, trap 1)", f"{times} times")


def check_rotation(time_calls, rows, rounds, fixed_ms, row_ms):
    "`rows * rounds` calls of one row each, every row `rounds` times, and each call's own time, which is drawn."
    num_runs, more = rows * rounds, random.sample(range(7), 7)   # of a call and not of its row: each has to be timed
    more_ms = lambda number: more[number % 7] * (10 if virtual.asleep else 1)
    latencies, _, model = timed(time_calls, lambda x: fixed_ms + row_ms * len(x), num_runs, rows=rows, more_ms=more_ms)
    sizes = sorted({len(x) for x in model.inputs[-num_runs:]})
    check(sizes == [1], f"_time_calls: got calls with {sizes} rows",
          "the time of a batch is not the latency of one sample (Part 2, trap 4)", "1 row per call")
    check(len(latencies) >= num_runs, f"_time_calls: got {len(latencies)} latencies for {num_runs} runs",
          "keep the latency of every run (Part 2, trap 2)")
    seen = [int(x[0, 0]) for x in model.inputs[-num_runs:]]
    used = [seen.count(row) for row in range(rows)]
    check(used == [rounds] * rows, f"_time_calls: {num_runs} runs over {rows} rows used each {used} times",
          f"take the rows in rotation {LOOP}", f"{rounds} times each")
    calls = range(len(model.inputs))[-num_runs:]
    want = np.array([fixed_ms + row_ms + more_ms(number) for number in calls])
    got = np.array(latencies[-num_runs:]) * (want.sum() / (sum(latencies[-num_runs:]) or 1))
    check(near(got, want), f"_time_calls: got {[round(float(ms), 3) for ms in got[:4]]}... for calls that differ",
          "keep each call's own time, in order (Part 2, trap 2)", f"{want[:4].tolist()}...")


def set_back(ns):
    "A wall clock that somebody sets back by an hour after 4 ms."
    return ns - (3_600_000_000_000 if ns > 4_000_000 else 0)


def coarse(ns):
    "A wall clock that ticks once a millisecond."
    return ns // 1_000_000 * 1_000_000


def check_clock(time_calls, ms, wall):
    "Calls of `ms` are seen to the last digit, whatever the wall clock does (`set_back`, `coarse`)."
    long = random.randint(50, 99)
    steady, _, _ = timed(time_calls, long, 20)
    latencies, _, _ = timed(time_calls, ms, 20, wall=wall)
    want = [latency * ms / long for latency in steady]
    worst = max(zip(latencies, want), key=lambda pair: abs(pair[0] - pair[1]))[0] * long / (steady[0] or long)
    wall_clock = virtual.asleep and bool(calls_seen(lambda: timed(time_calls, 1, 1), {"now", "utcnow", "today"}))
    check(min(steady) > 0 and near(latencies, want) and not wall_clock,
          f"_time_calls: got {'a wall clock' if wall_clock else f'{worst:.6g} ms'} when the wall clock "
          f"{'was set back' if wall is set_back else 'ticks once a millisecond'}",
          f"use a monotonic clock, and do not round {LOOP}", f"{ms} ms")


# ---- Part 2: accuracy and size

def some_scores(n, classes, rng):
    "Scores (n, classes) and labels, a third of them right, no whole percentage; a wrong row has its label second."
    scores, y = rng.normal(size=(n, classes)), rng.integers(0, classes, n)
    wrong = rng.permutation(n) >= n // 3
    winner = np.where(wrong, (y + rng.integers(1, classes, n)) % classes, y)
    scores[np.arange(n), y] = scores.max(axis=1) + 1
    scores[np.arange(n), winner] = scores.max(axis=1) + 1
    return scores.astype(np.float32), y


def check_accuracy(accuracy, scores, y, at="(Part 2, Accuracy)"):
    "`accuracy(scores, y)` is the share of rows in which no score beats that of the label, a plain float."
    scores = np.asarray(scores, dtype=np.float32)
    got = accuracy(Tensor(scores), y)
    check(type(got) is float, f"_accuracy: got {got!r} of type {type(got).__name__}", f"wrap the mean in float() {at}",
          "a plain float")
    hits = [sorted(row)[-1] == row[label] for row, label in zip(scores.tolist(), list(y))]
    want, why = hits.count(True) / len(hits), "the share of rows whose argmax over the classes is the label"
    winners = [row.index(sorted(row)[-1]) for row in scores.tolist()]
    table = sum(winners.count(label) for label in list(y)) / len(hits) ** 2
    check(abs(got - want) < 1e-9, f"_accuracy: got {got:.6g} for scores of shape {scores.shape}",
          f"{named(got, why, percent=100 * want, table=table)} {at}", f"{want:.6g}")


def check_refused(accuracy, what, scores, y):
    "`accuracy` raises a `ValueError` for `what`."
    labels = random.sample(range(3), 3)   # what has no fault is not refused
    _, error = attempt(lambda: accuracy(Tensor(np.eye(3, dtype=np.float32)), np.array(labels)))
    check(error is None, f"_accuracy: raised {type(error).__name__}: {error} for the labels {labels} of three classes",
          "refuse only what cannot be compared (Part 2, Accuracy)", "a share")
    scores = np.asarray(scores)
    got, error = attempt(lambda: accuracy(Tensor(scores) if scores.dtype.kind == "f" else scores, y))
    came = f"gave {got!r}" if error is None else f"raised {type(error).__name__}: {error}"
    check(isinstance(error, ValueError), f"_accuracy: {came} for {what}",
          "labels are one integer class index per sample, scores are finite numbers; "
          "refuse the rest (Part 2, Accuracy)",
          "a ValueError")


def check_bytes(size_bytes, model, want, why):
    "`size_bytes(model)` is the int `want`."
    got, error = attempt(lambda: size_bytes(model))
    came = f"got {got!r}" if error is None else f"raised {type(error).__name__}: {error}"
    check(type(got) is int and got == want, f"_size_bytes: {came}", f"{why} (Part 2, Size)", f"the int {want}")


# ---- Part 2: the report

REPORT = "(Part 2, The report)"
DEFINITIONS = {"parameter_count": "the numbers that the model holds", "model_size_mb": "MiB: bytes / 2**20",
               "accuracy": "the share of all test samples, in [0, 1]",
               "latency_ms_mean": "the mean of all runs",
               "latency_ms_std": "the population standard deviation of all runs, as np.std",
               "throughput_samples_per_sec": "1000 / latency_ms_mean"}
FROM = {"latency_ms_median": "_percentiles", "latency_ms_p90": "_percentiles", "accuracy_ci_low": "_accuracy_interval",
        "accuracy_ci_high": "_accuracy_interval", "batch_size": "_batch_throughput",
        "batch_throughput_samples_per_sec": "_batch_throughput", "cold_start_ms": "_time_calls"}


def trusted_pieces(latencies_ms, seen, labels, wrong):
    "Stand-ins for the pieces that other checks grade: right ones, which note in `seen` what they were asked."
    rows = len(labels)

    def time_calls(model, X, num_runs, warmup_runs=10):
        virtual.reads += 1  # as a right loop would
        seen.append({"num_runs": num_runs, "warmup_runs": warmup_runs, "samples": len(array_of(X)),
                     "collecting": their("gc").isenabled()})
        runs = [latencies_ms[run % len(latencies_ms)] for run in range(num_runs)]
        for ms in runs: virtual.advance(ms)
        return runs, runs[0]

    def accuracy(scores, y):
        whole = np.array_equal(array_of(scores), np.eye(4)[np.arange(rows) % 4])
        return (rows - wrong) / rows if whole and array_of(y).tolist() == labels else 0.0
    return {"_time_calls": time_calls, "_accuracy": accuracy, "_size_bytes": lambda model: model.held.data.nbytes}


def measured(report, latencies_ms, model=None, rows=None, wrong=1, shape=(2, 3), num_runs=None):
    """(metrics that `report.benchmark_model` returned, what it asked the timing loop for, the fake model).

    Row i costs latencies_ms[i]; the first `wrong` labels are not what the model sees."""
    seen, rows = [], len(latencies_ms) if rows is None else rows
    y = np.arange(rows) % 4
    y[:wrong] = (y[:wrong] + 1) % 4
    costs = lambda x: sum(latencies_ms[int(i)] for i in x[:, 0]) + 7 * (len(x) > 1)  # a batch has a cost of its own
    model, num_runs = model or SlowModel(costs, shape=shape), len(latencies_ms) if num_runs is None else num_runs
    with patched(**trusted_pieces(latencies_ms, seen, y.tolist(), wrong)):
        returned = on_virtual_clock(lambda: report.benchmark_model(model, slow_rows(rows), y, num_runs=num_runs))
    return returned, seen, model


def check_metric(metrics, name, want, **mistakes):
    "The metric `name` is there and is `want`; `mistakes`: what it is after one of MISTAKEN."
    check(name in metrics, f"metrics: got {sorted(metrics)}", f"{name} is missing; all six are always there {REPORT}",
          name)
    got = metrics[name].item() if isinstance(metrics[name], np.generic) else metrics[name]
    why = named(got, DEFINITIONS[name], **mistakes)
    check(type(got) in (int, float) and abs(got - want) <= 1e-6 * abs(want) + 1e-12,
          f"{name}: got {metrics[name]!r}", f"{why} {REPORT}", f"{want:.6g}")


def check_latency(report, latencies_ms):
    "Mean, spread and throughput of a model whose calls take `latencies_ms`, worked out by hand."
    n = len(latencies_ms)
    returned, seen, _ = measured(report, latencies_ms)
    metrics = report.metrics or returned or {}
    mean = sum(latencies_ms) / n
    check_metric(metrics, "latency_ms_mean", mean)
    spread = (sum((ms - mean) ** 2 for ms in latencies_ms) / n) ** 0.5
    check_metric(metrics, "latency_ms_std", spread, of_sample=spread * (n / (n - 1)) ** 0.5)
    check_metric(metrics, "throughput_samples_per_sec", 1000 / mean)
    short_of = sorted({about["samples"] for about in seen} - {n})
    check(short_of == [], f"benchmark_model: timed on {(short_of or [n])[0]} of {n} samples",
          f"pass all of X on to the timing loop {REPORT}", f"all {n}")
    asked = [about["num_runs"] for about in seen]
    check(asked in ([], [n]), f"benchmark_model: timed {asked} runs for num_runs={n}",
          f"pass num_runs on to the timing loop {REPORT}", f"[{n}]")


def check_others(report, rows, wrong, shape):
    "Count, size and accuracy of a model that holds `shape` float32 numbers and sees `wrong` of `rows` samples wrongly."
    returned, _, _ = measured(report, [4.0] * rows, wrong=wrong, shape=shape)
    metrics = report.metrics or returned or {}
    check_metric(metrics, "parameter_count", math.prod(shape))
    check_metric(metrics, "model_size_mb", 4 * math.prod(shape) / 2**20)
    check_metric(metrics, "accuracy", (rows - wrong) / rows, percent=100 * (rows - wrong) / rows)


def check_asked_for(report):
    "The metrics beyond the six that the text asks for are there after 40 runs."
    returned, _, _ = measured(report, [4.0] * 40)
    metrics = report.metrics or returned or {}
    for name, source in FROM.items():
        check(name in metrics, f"metrics: {name} is missing from the {len(metrics)}",
              f"add all that {source} returns {REPORT}")


def check_plain(metrics):
    "`metrics` is a dict of plain, finite numbers."
    check(type(metrics) is dict and len(metrics) >= 6, f"benchmark_model: returned {metrics!r}",
          f"fill .metrics and return it {REPORT}",
          "a dict of at least six")
    odd = {name: type(value).__name__ for name, value in metrics.items() if type(value) not in (int, float)}
    check(odd == {}, f"metrics: got {odd}",
          f"JSON does not know NumPy numbers; convert with int() and float() {REPORT}", "plain int and float")
    check(all(math.isfinite(value) for value in metrics.values()), f"metrics: got {metrics}",
          f"every number is finite {REPORT}")


def check_measured(report, rng):
    "`.metrics` are those returned, and one of the six at least is right; the checks of each say what the others are."
    latencies_ms = [float(ms) for ms in rng.integers(5, 90, 7)]
    shape = tuple(int(n) for n in rng.integers(20, 90, 2))
    metrics, _, _ = measured(report, latencies_ms, shape=shape)
    check(report.metrics == metrics, "benchmark_model: what it returns is not what .metrics holds",
          f"fill .metrics and return it {REPORT}")
    mean = sum(latencies_ms) / len(latencies_ms)
    right = {"latency_ms_mean": mean, "throughput_samples_per_sec": 1000 / mean, "parameter_count": math.prod(shape),
             "model_size_mb": 4 * math.prod(shape) / 2**20, "accuracy": 1 - 1 / len(latencies_ms)}
    check(any(math.isclose(metrics.get(name, math.nan), value, rel_tol=1e-6) for name, value in right.items()),
          f"benchmark_model: got {short(metrics)} for a model of {len(latencies_ms)} samples",
          f"measure the model that is given {REPORT}", "at least one metric of this model")


def check_fresh(report, name):
    "A new report has its name, no metrics, the system and the time with its zone; returns the time."
    check(report.model_name == name and report.metrics == {},
          f"BenchmarkReport({name!r}): got name {report.model_name!r} and metrics {report.metrics!r}",
          f"it keeps the name it is given and has measured nothing yet {REPORT}", f"{name!r} and {{}}")
    check({"platform", "python_version", "numpy_version"} <= set(report.system_info),
          f"system_info: got {sorted(report.system_info)}",
          "call _system_info() (Part 2, What the number was measured on)",
          "platform, python_version, numpy_version and more")
    moment, _ = attempt(lambda: datetime.fromisoformat(report.timestamp.replace("Z", "+00:00")))
    check(moment is not None and moment.tzinfo is not None, f"timestamp: got {report.timestamp!r}",
          f"text with its zone, because JSON has no times: datetime.now(timezone.utc).isoformat() {REPORT}",
          "ISO 8601 with a time zone")
    check(abs((datetime.now(timezone.utc) - moment).total_seconds()) < 3600,
          f"timestamp: got {report.timestamp!r} for a report made now",
          f"the zone must belong to the time {REPORT}")


def check_provenance(report, at="(Part 2, What the number was measured on)"):
    "After a benchmark the data and the protocol are written down, and the protocol is the one that was followed."
    _, seen, model = measured(report, [2.0, 4.0, 3.0])
    wanted = {"X_sha256", "y_sha256", "num_samples", "protocol"}
    check(type(report.provenance) is dict and wanted <= set(report.provenance),
          f"provenance: got {report.provenance!r}",
          f"call _provenance() when everything is measured {at}")
    done = seen[0]["warmup_runs"] if seen else sum(len(x) == 1 for x in model.inputs) - 3
    for where, said in (("metrics", report.metrics), ("provenance", report.provenance["protocol"])):
        claim = said.get("warmup_runs", done)
        check(claim == done, f"warmup_runs: {where} say {claim}, and the timing loop was asked for {done}",
              f"write down the protocol that was followed {at}")
    noted = [report.provenance]
    for n in random.sample(range(4, 12), 2):
        measured(report, [2.0] * n)
        noted.append(report.provenance)
        check(noted[-1].get("num_samples") == n, f"provenance: num_samples is {noted[-1].get('num_samples')!r}",
              f"call _provenance() for the data that was measured {at}", n)
    for name in ("X_sha256", "y_sha256"):
        check(len({str(said.get(name)) for said in noted}) == len(noted),
              f"provenance: {name} is the same for other data",
              f"call _provenance() for the data that was measured {at}", "another one")


def check_failed_benchmark(report, what, kind=ValueError, why="check the inputs with _checked", says="", **asked):
    "A benchmark that fails raises, and leaves nothing of the one before in `report`; `says`: a word of the error."
    measured(report, [2.0, 4.0])
    report.comparison = {"verdict": "of an earlier benchmark"}
    asked = {"latencies_ms": [2.0, 4.0], **asked}
    _, error = attempt(lambda: measured(report, **asked))
    check(isinstance(error, kind) and says in str(error), f"benchmark_model: got {error!r} for {what}",
          f"{why} {REPORT}", f"a {kind.__name__}")
    left = {name for name in ("metrics", "comparison") if getattr(report, name)}
    check(left == set(),
          f"benchmark_model: {' and '.join(sorted(left))} of the previous benchmark are still there "
          "after one that failed",
          f"empty them before you start, set them when everything is measured {REPORT}", "none")


def check_starts_from_nothing(report):
    "A comparison of an earlier benchmark is gone after a new one."
    report.comparison = {"verdict": "of an earlier benchmark"}
    measured(report, [2.0, 4.0])
    check(report.comparison is None, f"comparison: got {report.comparison!r} after a new benchmark",
          f"it belongs to the previous benchmark: set it to None {REPORT}")


def check_quiet(report, after=None):
    "Garbage collection is off while calls are timed, and afterwards as it was, also where the model `after` raises."
    collector = their("gc")
    before = collector.isenabled()
    collector.enable()
    try:
        _, seen, _ = measured(report,
                              [2.0,
                               4.0]) if after is None else (attempt(lambda: measured(report, [2.0, 4.0], model=after)),
                                   [], None)
        left = collector.isenabled()
    finally: (collector.enable if before else collector.disable)()
    check(not any(about["collecting"] for about in seen), "benchmark_model: times with garbage collection on",
          f"measure inside `with _measuring():` {REPORT}")
    check(left is True, f"garbage collection: not as it was{', after a model that raised' if after else ''}",
          f"measure inside `with _measuring():` {REPORT}")


# ---- Part 3: whoever knows this file knows the form of the reports, and not their numbers

DRAWN = random.Random(f"reports {os.environ.get('CAPSTONE_SEED', '20')}")
COUNT, STD_MS, SAMPLES = DRAWN.randint(100, 999), DRAWN.randint(1, 99) / 64, DRAWN.randint(100, 999)
X_SHA256, Y_SHA256, NUMPY = f"{DRAWN.getrandbits(256):064x}", f"{DRAWN.getrandbits(256):064x}", f"2.{SAMPLES}.0"


def some_metrics(latency_ms=20.0, size_mb=8.0, accuracy=0.95, median_ms=None):
    "Metrics of an invented model, all plain numbers and all right."
    found = {"parameter_count": COUNT, "model_size_mb": size_mb, "accuracy": accuracy, "latency_ms_mean": latency_ms,
             "latency_ms_std": STD_MS, "throughput_samples_per_sec": 1000 / latency_ms}
    return found if median_ms is None else {**found, "latency_ms_median": median_ms}


def some_report(name="baseline", comparison=None, **metrics):
    "A report as Part 2 should make it, without using Part 2."
    return SimpleNamespace(
        model_name=name, metrics=some_metrics(**metrics), timestamp="2026-01-01T00:00:00+00:00", comparison=comparison,
        system_info={"platform": "Linux", "python_version": "3.12.1", "numpy_version": NUMPY},
        provenance={"X_sha256": X_SHA256, "y_sha256": Y_SHA256, "num_samples": SAMPLES, "protocol": {"num_runs": 100}})


def check_improvement(improvements, name, want, why):
    "`improvements[name]` is `want`."
    check(type(improvements) is dict and name in improvements, f"_improvements: got {improvements!r}",
          f"{name} is missing (Part 3, Improvements)",
          f"a dict with {name}")
    got = improvements[name]
    good = got == want if type(want) is str else type(got) is float and abs(got - want) < 1e-9
    if name == "accuracy_delta": why = share_or_percent(got, want, why)
    elif type(want) is float: why = named(got, why, upside_down=1 / want)
    check(good, f"{name}: got {got!r}", f"{why} (Part 3, Improvements)", repr(want))


def check_basis(improvements_of, before, after, basis):
    "The speedup follows the latencies that `basis` names, and those alone."
    idle, which = ("mean", "both") if basis == "median" else ("median", "not both")
    got = improvements_of(before, after)
    other = improvements_of({name: 7 * value if name == f"latency_ms_{idle}" else value for name,
                             value in before.items()}, after)
    check(got.get("speedup") == other.get("speedup"),
          f"speedup: went from {got.get('speedup')!r} to {other.get('speedup')!r} when only a {idle} changed, "
          f"where {which} reports have a median",
          "the ratio of the medians where both reports have one, else of the means (Part 3, Improvements)")
    check_improvement(got, "speedup_basis", basis, "median where both reports have one, else mean")


SUBMISSION = "(Part 3, The submission)"


def submission_of(generate, *reports, **options):
    "(the student's submission, what `_improvements` was asked about), with a stand-in for `_improvements`."
    asked = []

    def improvements(before, after):
        asked.append((copy.deepcopy(before), copy.deepcopy(after)))
        return {"speedup": 2.5, "speedup_basis": "mean", "compression_ratio": 1.5, "accuracy_delta": -0.125}
    with patched(_improvements=improvements):
        return generate(*reports, **options), asked


def check_field(submission, pointer, want, why):
    "What `submission` holds at `pointer` is `want`."
    got = submission
    for name in pointer.strip("/").split("/"):
        got = got.get(name) if type(got) is dict else None
    check(type(got) is type(want) and got == want, f"{pointer}: got {short(got, 200)}", f"{why} {SUBMISSION}",
          repr(want))


def check_alone(submission):
    "A submission of one report holds that report, and nothing that only comes with a second one."
    check(type(submission) is dict, f"generate_submission: got {submission!r}", f"return the submission {SUBMISSION}",
          "a dict")
    check_field(submission, "/baseline/model_name", "baseline", "the name of the baseline report")
    check_field(submission, "/baseline/metrics", some_metrics(), "the metrics of the baseline report")
    check_field(submission, "/system_info", some_report().system_info, "the system of the baseline report")
    extra = sorted(set(submission) & {"optimized", "improvements", "student_name"})
    check(extra == [], f"submission of one report: also has {extra}",
          f"they belong there only when given {SUBMISSION}", "none of them")


def check_improvements_inside(generate, first, second):
    "What `_improvements` says of the metrics of `first` and `second`, in this order, is in the submission."
    submission, asked = submission_of(generate, first, second)
    check(asked == [(first.metrics, second.metrics)],
          f"generate_submission: asked _improvements {len(asked)} times, or about other metrics",
          f"pass the metrics of the baseline, then those of the optimized report {SUBMISSION}")
    for name, value in {"speedup": 2.5, "speedup_basis": "mean", "compression_ratio": 1.5,
                        "accuracy_delta": -0.125}.items():
        check_field(submission, f"/improvements/{name}", value, "what _improvements says about baseline and optimized")


def check_copies(generate, *reports, **options):
    "Changing the reports, the techniques or the comparison later leaves the submission as it is."
    reports, options = [there(report) for report in reports], {name: there(value) for name, value in options.items()}
    submission, _ = submission_of(there(generate), *reports, **options)
    before = here(submission)
    evidence = "the copied report", NUMPY, here(reports[0].metrics)["latency_ms_mean"]
    copied = any(str(value) in json.dumps(before) for value in evidence)
    check(type(before) is dict and type(before.get("baseline")) is dict and len(before["baseline"]) > 1 and copied,
          f"generate_submission: got {short(before)}", f"there is nothing to copy yet {SUBMISSION}",
          "a baseline with its metrics")
    for report in reports:
        report.metrics["accuracy"], report.system_info["platform"] = 0.1, "other"
        report.provenance["protocol"]["num_runs"] = 1
        if here(report.comparison): report.comparison["protocol"]["pairs"] = 1
    for techniques in options.values(): techniques.append("later")
    check(here(submission) == before,
          "submission: changed when a report, the list of techniques or a comparison changed",
          f"it must share nothing with them; nested dicts need copy.deepcopy {SUBMISSION}", "no change")


SAVING = "(Part 3, Saving without losing)"


def valid_submission():
    "A submission that follows every rule, built by hand."
    def entry(name, ms, size, accuracy, **more):
        metrics = {**some_metrics(ms, size, accuracy), "latency_ms_median": ms, "latency_ms_p90": ms + 1,
                   "latency_ms_p99": ms + 2}
        return {"model_name": name, "metrics": metrics, "provenance": {"X_sha256": X_SHA256, "num_samples": SAMPLES},
                **more}
    return {"tinytorch_version": "1", "schema_version": "1.1", "submission_type": "capstone_benchmark",
            "timestamp": "2026-01-01T00:00:00+00:00", "system_info": {"platform": "Linux", "python_version": "3.12.1"},
            "baseline": entry("a", 20.0, 8.0, 0.95),
            "optimized": entry("b", 5.0, 2.0, 0.93, techniques_applied=["int8"]),
            "improvements": {"speedup": 4.0, "speedup_basis": "median", "compression_ratio": 4.0,
                             "accuracy_delta": 0.93 - 0.95}}


def edited(submission, pointer, change):
    "The submission with `change(members, name)` made in a copy of the dict that holds the member at `pointer`."
    found, (*path, last) = dict(submission), pointer.strip("/").split("/")
    inside = found
    for name in path:
        inside[name] = dict(inside[name])
        inside = inside[name]
    change(inside, last)
    return found


def without(submission, pointer):
    "The submission without the member at `pointer`; what is beside it is shared."
    return edited(submission, pointer, lambda members, name: members.pop(name))


def with_value(submission, pointer, value):
    "The submission with `value` at `pointer`; what is beside it is shared."
    return edited(submission, pointer, lambda members, name: members.update({name: value}))


def needs_baseline(submission):
    "Stands in for the validator: only a submission with a baseline is valid, and numbers are not its business."
    if "baseline" not in submission: raise AssertionError("/baseline: is missing")
    return True


OLD = '{"old": 1}'


class Saved:
    "What `save(submission, path)` did to a folder with an old file in it."
    def __init__(self, save, submission, kind="str", temporary_elsewhere=False):
        name, temporary = "submission.json", their("tempfile")
        with new_folder() as folder:
            folder.write(name, OLD)
            path = os.path.join(folder.path, name)
            given = their("pathlib").Path(path) if kind == "Path" else path
            with folder.open(name) as reader, patched(validate_submission_schema=needs_baseline):
                before = temporary.tempdir
                if temporary_elsewhere: temporary.tempdir = os.path.join(folder.path, "another", "disk")
                try:
                    with WatchedFiles(folder,
                                      name) as watched: self.returned, self.error = attempt(lambda: save(submission,
                                          given))
                finally: temporary.tempdir = before
                self.names, self.gone, self.seen_by_reader = folder.names(), watched.gone, reader.read(MOST)
            now, unreadable = attempt(lambda: folder.read(name)) if name in self.names else (None, None)
            self.now, self.error, self.texts = now or "", self.error or unreadable, watched.texts
            self.path_is_right = type(self.returned) is str and os.path.basename(self.returned) == name


def check_saved(save, submission, kind="str"):
    "`save` writes `submission` as JSON and returns the path as str, also where a `Path` was given (`kind`)."
    saved = Saved(save, submission, kind)
    read, broken = attempt(lambda: json.loads(saved.now))
    check(saved.error is None and read == submission,
          f"save_submission: got {saved.error or broken or short(saved.now)}",
          f"write it as JSON {SAVING}", "the submission, read back")
    check(saved.path_is_right, f"save_submission: returned {short(saved.returned)} for a path given as {kind}",
          f"return the path as str {SAVING}", "the path, a str")


def check_refuses_invalid(save, submission):
    "`save` raises the validator's error, and the old file stays."
    saved = Saved(save, submission)
    check(isinstance(saved.error, AssertionError), f"save_submission: got {saved.error!r} for an invalid submission",
          f"validate before you write, and let the error through {SAVING}", "an AssertionError")


def check_refuses_nan(save, submission):
    "`save` raises for a number that JSON does not know."
    saved = Saved(save, submission)
    written = "NaN" in saved.now or "Infinity" in saved.now
    check(not written, "save_submission: wrote NaN or Infinity, which JSON does not know",
          f"allow_nan=False refuses them {SAVING}")
    check(saved.error is not None, "save_submission: raised nothing for NaN or Infinity, and wrote nothing either",
          f"an error has to reach the caller: no `except` that swallows it {SAVING}")


def check_atomic(save, submission):
    "A reader finds the old file or the new one, at every moment."
    saved = Saved(save, submission)
    check(saved.now != OLD, f"save_submission: got {saved.error!r}, and the old file is as it was",
          f"write the submission {SAVING}",
          "a new file in its place")
    check(saved.seen_by_reader == OLD,
          f"save_submission: a reader who had opened the old file sees {short(saved.seen_by_reader)}",
          f"a reader sees the old file or the new one: os.replace {SAVING}", "the old content")
    check(saved.gone is None, f"save_submission: after {saved.gone} there was no file at the path for a while",
          f"os.replace alone swaps the files; do not remove the old one first {SAVING}", "a file at every moment")
    unfinished = saved.texts - {OLD, saved.now}
    check(not unfinished, f"save_submission: right after the swap the file holds {short(min(unfinished, default=''))}",
          f"write and close the temporary file, then os.replace {SAVING}", "the whole submission")


def check_old_file_stays(save, submission, why, raises=True):
    "`submission` cannot be saved: an error (another check asks for it unless `raises`), the old file as it was."
    saved = Saved(save, submission)
    check(saved.error is not None or not raises, f"save_submission: raised nothing for {why}",
          f"an error has to reach the caller: no `except` that swallows it {SAVING}", "an error")
    check(saved.now == OLD or saved.error is None,
          f"save_submission: got {saved.error!r} for {why}, and the old file now holds {short(saved.now)}",
          f"validate, then write to a temporary file, then os.replace {SAVING}", "an error, and the old file as it was")


def check_tidy(save, submission):
    "Nothing but the submission is left in the folder."
    saved = Saved(save, submission)
    check(saved.names == ["submission.json"], f"save_submission: left {saved.names} behind",
          f"remove the temporary file {SAVING}")


def check_same_disk(save, submission):
    "The temporary file lies beside the one it replaces."
    saved = Saved(save, submission, temporary_elsewhere=True)
    check(saved.error is None, f"save_submission: got {saved.error!r} where other temporary files lie on another disk",
          f"write the temporary file beside the one that it replaces {SAVING}")


# ---- Part 4: cases are (submission, pointer of its violation or None, what is the matter, what to do about it)

RULES = "(Part 4, Rules)"
SILENT = "another kind of value, or a schema without the key, leaves a rule silent"
HAND_ON = "`yield from` passes on what another generator yields; `yield` alone passes on the generator itself"
A_BOOL = "in Python a bool is an int: refuse it by name, isinstance(value, bool)"
CLOSE = "within rel_tol and abs_tol they agree: compare with math.isclose, not with =="
YIELD = "yield (pointer, message) for each violation, nothing when all is well"


def absent(*pointers, well=False):
    "Cases: a valid submission without the member at each pointer, which is wrong unless `well`."
    matter, valid = ", which is not required, is missing" if well else " is missing", valid_submission()
    return [(without(valid, pointer), None if well else pointer, f"{pointer}{matter}",
             None) for pointer in pointers]


def holding(pointer, *values, well=False, why=None):
    "Cases: a valid submission with each of `values` at `pointer`, which is wrong unless `well`."
    valid = valid_submission()
    return [(with_value(valid, pointer, value), None if well else pointer, f"{pointer} is {short(value)}",
             why or (A_BOOL if type(value) is bool and not well else None)) for value in values]


def percentiles(bad=None, **values):
    "Case: a submission whose baseline has these percentiles alone, of which `bad` is too small."
    submission = without(valid_submission(), "/improvements")
    metrics = submission["baseline"]["metrics"]
    for name in ("median", "p90", "p95", "p99"): metrics.pop(f"latency_ms_{name}", None)
    metrics.update({f"latency_ms_{name}": value for name, value in values.items()})
    listed = ", ".join(f"{name} is {value!r}" for name, value in values.items())
    pointer = bad and f"/baseline/metrics/latency_ms_{bad}"
    return submission, pointer, f"{listed}, and there are no other percentiles", None


def claims(matter, pointer=None, **changed):
    "Case: means give a speedup of 2, medians give 4, and the improvements are `changed` (None: left out)."
    submission = with_value(with_value(valid_submission(), "/optimized/metrics/latency_ms_mean", 10.0),
                            "/optimized/metrics/throughput_samples_per_sec", 100.0)
    improvements = {name: value for name,
                    value in {**submission["improvements"], **changed}.items() if value is not None}
    return {**submission, "improvements": improvements}, pointer, matter, None


def claims_of_each_basis():
    "Cases: the speedup of the means or of the medians, and a speedup_basis that fits, does not fit or is left out."
    at = "/improvements/speedup"
    return [claims("speedup is that of the medians, but speedup_basis says mean", at, speedup_basis="mean"),
            claims("speedup is that of the means, but speedup_basis says median", at, speedup=2.0),
            claims("speedup is that of the means, as it says", speedup_basis="mean", speedup=2.0),
            claims("speedup is that of the means, without a basis", speedup_basis=None, speedup=2.0),
            claims("speedup is that of the medians, without a basis", speedup_basis=None)]


def check_rule(rule, cases, schema=None):
    "`rule` is silent on a valid submission, and finds the violation of each of `cases` at its pointer."
    cases, name = [(valid_submission(), None, "all is well", None), *cases], rule.__name__
    for (found, error), (_, pointer, matter, why) in zip(findings(rule, [case[0] for case in cases], schema), cases):
        if isinstance(error, NotImplementedError): raise error
        there_is = f"a submission in which {matter}"
        want = f"a violation at {pointer}" if pointer else "no violation"
        check(error is None, f"{name}: raised {type(error).__name__}: {short(str(error))} on {there_is}",
              f"{SILENT} {RULES}", want)
        odd = [item for item in found if not (type(item) in (tuple, list) and len(item) == 2 and type(item[0]) is str)]
        inner = bool(odd) and (inspect.isgenerator(odd[0]) or type(odd[0]) is list)
        check(not odd, f"{name}: yielded {'a generator' if inner else short(odd[:1])} about {there_is}",
              f"{HAND_ON if inner else YIELD} {RULES}", "(pointer, message), both text")
        at = [found_at.replace(" ", "") for found_at, _ in found]
        check(pointer in at if pointer else at == [],
              f"{name}: found {short(', '.join(at)) if at else 'nothing'} in {there_is}",
              f"{why or YIELD} {RULES}", want)


def trusted_violations(value, schema, at):
    "Stands in for the node rules: here only that accuracy is a share."
    metrics = value.get("metrics") if type(value) is dict else None
    accuracy = metrics.get("accuracy", 0) if type(metrics) is dict else 0
    return [(f"{at}/metrics/accuracy", "is not a share")] if not 0 <= accuracy <= 1 else []


def trusted_techniques(value, schema, at):
    "Stands in for the node rules: here only that the report says what was done, which `_OPTIMIZED` alone asks for."
    asked = "techniques_applied" in schema.get("required", [])
    return [(f"{at}/techniques_applied", "is missing")] if asked and "techniques_applied" not in value else []


VALIDATOR = "(Part 4, The validator)"
ASSERTS, ALL = "-O removes assert: raise the error instead", "raise one SubmissionError that holds them all"


def check_validator(validate, violations, optimized_away=False):
    "`validate` is True where the rules found nothing, else raises one error with all; also under `python -O`."
    submission = with_value(valid_submission(), "/baseline/metrics/accuracy", 92) if violations else valid_submission()
    with patched(_all_violations=lambda submission: list(violations)):
        validate = without_asserts(validate) if optimized_away else validate
        value, error = attempt(lambda: validate(submission))
    if not violations:
        check(value is True, f"validate_submission_schema: gave {error or value!r} for a valid submission",
              f"return True {VALIDATOR}", "exactly True")
        return
    came = f"raised {type(error).__name__}: {short(str(error), 120)}" if error else f"returned {value!r}"
    named = isinstance(error, AssertionError) and all(f"{at}:" in str(error).replace(" ", "") for at, _ in violations)
    check(named,
          f"validate_submission_schema: {came} for a submission with {len(violations)} violations"
          f"{' under python -O' * optimized_away}", f"{ASSERTS if optimized_away else ALL} {VALIDATOR}",
          "all of them in one AssertionError")


# ---- Parts 4b and 5

def check_optimized(optimize, tools, want, at="(Part 4b)"):
    "`optimize(model, tools)` leaves the model alone; on a copy the tools `want` have worked, in order, and are named."
    original = Recorder()
    optimized, techniques = optimize(original, tools)
    check(original.steps == [], f"optimize_model: did {original.steps} to the baseline itself",
          f"work on copy.deepcopy(model) {at}",
          "an untouched baseline")
    steps, techniques = optimized.steps if isinstance(optimized, Recorder) else optimized, list(techniques)
    check(steps == want, f"optimize_model: did {steps} for the tools {list(tools)}",
          f"apply every tool in order; what it returns replaces the model only when that has forward {at}", want)
    check(techniques == want,
          f"optimize_model: named {techniques} for the tools {list(tools)}, of which {want} changed the model",
          f"a technique counts only if it changed the fingerprint {at}", want)


def check_nothing_to_compare(optimize, tools, at="(Part 4b)"):
    "Where no tool changes the model `optimize` gives (None, [])."
    optimized, techniques = optimize(Recorder(), tools)
    check(optimized is None and list(techniques) == [],
          f"optimize_model: gave {short(optimized)} and {list(techniques)} for {len(tools)} tools that change nothing",
          f"then there is nothing to compare {at}", "None and []")


def walk_through(run_workflow, optimized, **options):
    "(what run_workflow returned, what it saved and where, what it asked) with stand-ins for Parts 2 to 4."
    saved, asked = [], {}

    def generate(baseline_report, optimized_report=None, student_name=None, techniques_applied=None, *,
                 comparison=None):
        asked.update(reports=[report and report.asked for report in (baseline_report, optimized_report)],
                     student_name=student_name, techniques=techniques_applied,
                     comparison=comparison or getattr(optimized_report, "comparison", None))
        return valid_submission()

    def save(submission, filepath="submission.json"):
        saved.append((submission, filepath))
        return filepath
    with patched(BenchmarkReport=FakeReport, generate_submission=generate, save_submission=save,
                 validate_submission_schema=lambda submission: True):
        return run_workflow("model A", optimized, np.eye(3), np.arange(3), "out.json", **options), saved, asked


def check_workflow(run_workflow, **options):
    "`run_workflow` benchmarks both models in order, saves the submission once, and returns it."
    submission, saved, asked = walk_through(run_workflow, "model B", **options)
    came = [report and report["model"] for report in asked.get("reports", [])]
    check(came == ["model A", "model B"], f"run_workflow: benchmarked {came}",
          "the baseline first, then the optimized model (Part 5)", "['model A', 'model B']")
    where = [filepath for _, filepath in saved]
    check(where == ["out.json"], f"run_workflow: saved to {where}", "one save_submission, to filepath (Part 5)",
          "['out.json']")
    check(submission == saved[0][0] == valid_submission(), f"run_workflow: returned {short(submission)}",
          "return the submission that was saved (Part 5)", "the submission")


def check_passed_on(run_workflow, student_name, techniques_applied, num_runs):
    "Both models meet the same data and `num_runs`; name and techniques reach the submission."
    _, _, asked = walk_through(run_workflow, "model B", student_name=student_name,
                               techniques_applied=techniques_applied, num_runs=num_runs)
    both = [{name: report[name] for name in ("X", "y", "num_runs")} for report in asked["reports"]]
    check(both == [{"X": np.eye(3).tolist(), "y": [0, 1, 2], "num_runs": num_runs}] * 2,
          f"run_workflow: asked for {both}", "both models need the same data and the num_runs given (Part 5)")
    name, techniques = asked["student_name"], list(asked["techniques"] or [])
    check(name == student_name and techniques == techniques_applied,
          f"run_workflow: name {name!r} and techniques {techniques!r} reached the submission",
          "pass on what was given (Part 5)")


def check_comparison_kept(workflow):
    "What `compare(baseline, optimized, X_test)` returns reaches the submission."
    compare = lambda first, second, X: {"of": [first, second, array_of(X).tolist()]}
    _, _, asked = walk_through(workflow, "model B", compare=compare)
    check(asked["comparison"] == {"of": ["model A", "model B", np.eye(3).tolist()]},
          f"run_workflow: the comparison that reached the submission is {asked['comparison']}",
          "set it to what compare(baseline, optimized, X_test) returns (Part 5)")


def check_baseline_alone(workflow):
    "Without an optimized model there is one report, and nothing to compare."
    _, _, asked = walk_through(workflow, None, compare=lambda *given: "called")
    check(asked["reports"][1] is None and asked["comparison"] is None,
          f"run_workflow: without an optimized model it reported {asked['reports'][1]}",
          "then there is one report and nothing to compare (Part 5)")


# ---- the questions

SLOW = "a promise to users is about the slow requests, not the mean (Part 2, Variance)"


def check_answer(question, answer, tolerance=0.02, **wanted):
    "`answer` is a dict with a plain number for each of `wanted`: (number, reasoning), or None to check the form alone."
    check(type(answer) is dict and set(answer) == set(wanted), f"{question}: got {answer!r}",
          f"fill in the cell {question}",
          f"a dict with {', '.join(wanted)}")
    for name, value in answer.items():
        check(type(value) in (int, float), f"{question} {name}: got {value!r}", "arithmetic is welcome, text is not",
              "a plain number")
        if wanted[name] is None: continue
        want, reasoning = wanted[name]
        why, _, section = reasoning.rpartition(" (")
        why = share_or_percent(value, want, why) if want < 1 else named(value, why, share=want / 100)
        check(abs(value - want) <= tolerance * abs(want), f"{question} {name}: got {value}", f"{why} ({section}", want)


# ---- errors in a notebook: the student's own lines, never the frames of this file

def own_lines(error, most=3):
    "Where in the notebook's cells and in their TinyTorch `error` passed, the last `most` places, innermost last."
    frames = traceback.extract_tb(error.__traceback__)
    package = os.path.dirname(sys.modules["tinytorch"].__file__) if "tinytorch" in sys.modules else "\0"
    own = [frame for frame in frames if "ipykernel_" in frame.filename or frame.filename.startswith(package)]
    root = os.path.dirname(package)
    files = [os.path.relpath(frame.filename, root) if frame.filename.startswith(package) else "cell" for frame in own]
    return [f"  {file}, line {frame.lineno}, in {frame.name}: {frame.line}"
            for file, frame in zip(files[-most:], own[-most:])]


def show_briefly(shell, kind, error, trace, tb_offset=None):
    "Show `error` in a few lines; one of `check` is its message alone."
    told = getattr(error, "_render_traceback_", None)
    text, last = str(error), traceback.extract_tb(trace)[-1:]
    if isinstance(error, NotImplementedError) and not text and last:
        text = f"{last[0].name} is not written yet: fill in its cell"
    lines = told() if told else [*own_lines(error), f"{kind.__name__}: {text[:600]}"]
    shell._showtraceback(kind, error, lines)
    return lines


def brief_errors():
    "In a notebook, show every error briefly."
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "set_custom_exc"): shell.set_custom_exc((Exception,), show_briefly)


brief_errors()
