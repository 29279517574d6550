"""The student's process: framework, given cells, the student's cells, and an end of the line through which the
examiner asks.

Nothing in it is worth protecting: no test, no expected value, no seed, no verdict. Whatever a student's code does to
it, it does to itself.
"""
import functools
import importlib.util
import inspect
import itertools
import json
import linecache
import os
import random
import sys
import threading
import time
import types

import numpy as np

from .cells import Notebook
from .line import (
    MOST_FRAME,
    MOST_ITEMS,
    MOST_KINDS,
    MOST_NESTED,
    MOST_TURNS,
    UNPACKERS,
    Ended,
    Items,
    Line,
    TooMuch,
    said,
)

CLOCKS = [name + end for name in ("perf_counter", "monotonic", "process_time", "thread_time", "time", "clock_gettime")
          for end in ("", "_ns")]
KEEP_CLOCKS = "timeit", "tinytorch.benchmarking", "tinytorch.perf.benchmarking"   # modules that keep a clock by name
GENERATORS = types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(reversed([])), *(
    kind for kind in vars(itertools).values() if isinstance(kind, type))
# of immutable types, whose subclasses cross with the value that they have there
VALUED = {str: str.__str__, int: int.__int__, float: float.__float__, tuple: lambda value: tuple.__getitem__(
    value, slice(None))}
OURS = __package__, *(f"{__package__}.{name}" for name in ("line", "cells", "student", "start", "forks"))
MISSING = object()
NEAR_DATA = 4096   # bytes of a Tensor's array that cross with its handle


class Clock:
    """What every clock of `time` reads while the examiner says so: `state` is (monotonic ns, wall-clock ns), or None
    for real time."""
    def __init__(self): self.state, self.reads = None, 0

    def wrap(self, name, real):
        @functools.wraps(real)
        def clock(*args):
            if self.state is None: return real(*args)
            self.reads += 1
            ns = self.state[name in ("time", "time_ns") or args == (getattr(time, "CLOCK_REALTIME", None),)]
            return ns if name.endswith("_ns") else ns / 1e9
        return clock

    def install(self):
        for name in CLOCKS:
            if hasattr(time, name): setattr(time, name, self.wrap(name, getattr(time, name)))
        for name in KEEP_CLOCKS:
            if name in sys.modules: importlib.reload(sys.modules[name])
        return self


class Kept:
    "Around a value that stays here: the examiner gets a handle of it, whatever it is."
    def __init__(self, value): self.value = value


class Told(np.ndarray):
    "An array of the examiner's that tells it of each slicing."
    tell = None

    def __getitem__(self, key):
        if self.tell: self.tell()
        return np.asarray(self)[key]


def silent(*_): return ()


def own_package():
    "The folder of `tinytorch`, a separator at its end, where the cage marks it as the student's own; else None."
    found = importlib.util.find_spec("tinytorch")
    folder = found and os.path.dirname(found.origin or "")
    return folder + os.sep if folder and os.path.exists(os.path.join(folder, os.pardir, "own")) else None


class Student(Line):
    "The student's end: serves the examiner's questions on what the student wrote."

    def __init__(self, sock, clock):
        super().__init__(sock)
        self.clock, self.lock, self.turns, self.most = clock, threading.RLock(), 0, 2**20
        self.objects, self.numbers, self.fakes, self.fake_numbers, self.classes, self.arrays = [], {}, {}, {}, {}, []
        self.notebook, self.patches, self.memo, self.described, self.slots = Notebook(), [], [], set(), {}
        self.names = self.notebook.names
        self.package = own_package()

    def place(self, trace):
        "As any end's, and in a TinyTorch of the student's own the line there: [file, line]."
        found = None
        while trace is not None:
            if at := self.spot(trace.tb_frame.f_code.co_filename): found = [at, trace.tb_lineno]
            trace = trace.tb_next
        return found

    def spot(self, file):
        "The name to show of a file that the student wrote, a cell or one of their package; None for any other."
        if file.startswith("<cell "): return file[6:-1]
        if not self.package or not file.startswith(self.package): return None
        return "tinytorch/" + file[len(self.package):].replace(os.sep, "/")

    def tick(self):
        reads, self.clock.reads = self.clock.reads, 0
        return reads

    def ticked(self, state): self.clock.state = state

    def run(self):
        "Answer the examiner until it is gone."
        with self.lock: _, question = self.hear()
        while True:
            self.turns = 0
            kind, body = self.answer(question)
            with self.lock:   # a thread of the student's that is asking has its answer first
                self.reply(kind, body)
                _, question = self.hear()

    def call_back(self, *question):
        "Ask the examiner, within the bounds that it holds us to."
        with self.lock:
            self.turns += 1
            if self.turns > MOST_TURNS: raise TooMuch(f"called {MOST_TURNS} times within one test, without an end")
            if self.nested > MOST_NESTED: raise TooMuch("calls within calls, without an end")
            return self.ask(*question)

    def error(self, told):
        "An error of the examiner's side, as the built-in one that it is."
        kind = next(kind for name in told["names"]
                    if isinstance(kind := getattr(__import__("builtins"), name, None), type))
        return kind(told["text"])

    # values

    def hear(self):
        self.memo = []
        return super().hear()

    def number(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return number

    def pack_other(self, value, raw, depth):
        if id(value) in self.fake_numbers: return {"x": self.fake_numbers[id(value)]}
        if isinstance(value, Told): return self.pack_array(np.asarray(value), raw, depth)
        tag = "H" if type(value) is Kept else "h"
        if tag == "H": value = value.value
        base = next((base for base in VALUED if isinstance(value, base)), None) if tag == "h" else None
        if base: return {"v": [self.number(value), self.kind(type(value)), self.pack(VALUED[base](value), raw, depth)]}
        return {tag: [self.number(value), self.kind(type(value)), *self.near(value, raw, depth)]}

    def kind(self, cls):
        "A class for the examiner: its number, at first with its name and those of the classes above it."
        number = self.number(cls)
        if number in self.described: return number
        if len(self.described) >= MOST_KINDS: raise TooMuch(f"values of more than {MOST_KINDS} classes")
        self.described.add(number)
        return [number, str(cls.__name__)[:100], [self.number(above) for above in cls.__mro__[1:30]]]

    def near(self, value, raw, depth):
        "The array of a Tensor, sent along where it is small."
        number = self.number(type(value))
        if number not in self.slots: self.slots[number] = slot(type(value), "data")
        data = kept_in(value, self.slots[number])
        return ([self.pack_array(data, raw, depth)] if type(data) is np.ndarray and data.nbytes <= NEAR_DATA
                and data.dtype.kind in "biuf" else [])

    def settled(self, value, keep=False):
        "`value` as it crosses: a generator as its items, with a bound."
        if keep: return Kept(value)
        if not isinstance(value, GENERATORS): return value
        found = Items(itertools.islice(value, MOST_ITEMS + 1))
        if len(found) > MOST_ITEMS: raise TooMuch(f"a generator that gives more than {MOST_ITEMS} values")
        return found

    def unpack_kept(self, content, raw, depth):
        "An array of the examiner's, which keeps it in mind: the next time its number will do."
        self.arrays.append(self.unpack_array(content, raw, depth))
        return self.arrays[-1]

    def unpack_told(self, content, raw, depth):
        number, content = content
        array = self.unpack_array(content, raw, depth).view(type("Told", (Told,), {}))
        type(array).tell = lambda _: self.call_back("sliced", number)
        self.fake_numbers[id(array)] = number
        self.fakes[number] = array
        return array

    def remember(self, content, raw, depth):
        "A list or dict that occurs again in the frame, by `again`."
        found = [] if type(content) is list else {}
        self.memo.append(found)
        if type(content) is list: found += [self.unpack(v, raw, depth) for v in content]
        else: found.update(self.unpack_dict(content, raw, depth))
        return found

    def unpack_fake(self, content, raw, depth):
        "Something of the examiner's: [number], and where it is new what it is, its name and what it shows."
        number, *about = content
        if about and number not in self.fakes:
            kind, name, shown = about
            fake = self.function(number, name) if kind == "function" else self.mirror(*shown)
            if kind == "instance": fake = object.__new__(fake)
            if kind == "instance": object.__setattr__(fake, "_number", number)
            self.fakes[number] = fake
            self.fake_numbers[id(fake)] = number
        return self.fakes[number]

    def function(self, number, name):
        def stand_in(*args, **kwargs): return self.call_back("call", number, args, kwargs)
        stand_in.__name__ = stand_in.__qualname__ = name
        return stand_in

    def mirror(self, number, name, methods, data, sets):
        "The class that stands here for one of the examiner's: what it shows and nothing else."
        if number in self.classes: return self.classes[number]
        line = self

        def method(name):
            return lambda self, *args, **kwargs: line.call_back("method", self._number, name, args, kwargs)

        def get(name):
            return property(lambda self: line.call_back("get", self._number, name),
                            (lambda self, value: line.call_back("set", self._number, name, value)) if name in sets
                            else None)

        space = {name: method(name) for name in methods} | {name: get(name) for name in {*data, *sets}}
        space["__copy__"] = lambda self: line.call_back("copy", self._number, False)
        space["__deepcopy__"] = lambda self, memo: line.call_back("copy", self._number, True)
        if "__array__" in space:
            space["__array__"] = lambda self, *args, **kwargs: line.call_back(
                "method", self._number, "__array__", (), {})
        if "__eq__" in space: space["__hash__"] = object.__hash__

        def make(cls, *args, **kwargs):
            if cls is not line.fakes.get(number):
                raise TypeError(f"{name} is a stand-in of the test: only the test makes one")
            return line.call_back("call", number, args, kwargs)
        maker = type("type", (type,), {"__call__": make})
        self.classes[number] = found = maker(name, (), space)
        return found

    unpackers = UNPACKERS | {
                 "h": lambda self, content, *_: self.objects[content], "k": unpack_kept,
                 "A": lambda self, content, *_: self.arrays[content],
                 "w": unpack_told, "x": unpack_fake, "q": lambda *_: silent, "L": remember, "M": remember,
                 "m": lambda self, content, *_: self.memo[content]}

    # questions

    def handle(self, question):
        name, *rest = question
        return getattr(self, f"on_{name}")(*rest)

    def on_begin(self, seed, most):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        self.most = most

    def on_run(self, name, role, source):
        "Run a cell; what it showed, and its error."
        error, self.clock.state = None, None
        self.notebook.fresh(self.most)
        try:
            if role == "given": exec(compiled(name, source), self.names)
            else: self.notebook.run(f"<cell {name}>", source)
        except BaseException as e: error = e
        outputs = self.notebook.outputs.done()
        if error is not None: error, outputs = self.failed(name, error, outputs)
        if len(json.dumps(outputs)) > MOST_FRAME // 2:
            outputs = [{"output_type": "stream", "name": "stderr", "text": "output left out: too much of it\n"}]
        self.notebook.fresh(self.most)
        return [error, outputs]

    def failed(self, name, error, outputs):
        "What the examiner learns of a cell's error, and the outputs with the student's own lines of its traceback."
        told = self.told(error)
        if isinstance(error, SyntaxError) and not told["at"]: told["at"] = [name, error.lineno or 0]
        lines, trace = [], error.__traceback__
        while trace is not None and len(lines) < 10_000:
            file, line, where = trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_code.co_name
            where = "" if where in ("", "<module>") else f", in {where}"
            if at := self.spot(file):
                at = file[1:-1] if file.startswith("<cell ") else at
                lines.append(f"{at}, line {line}{where}: {linecache.getline(file, line).strip()}"[:1000])
            trace = trace.tb_next
        shown = {"output_type": "error", "ename": told["names"][0], "evalue": told["text"],
                 "traceback": [*lines[-20:], f"{told['names'][0]}: {told['text']}"]}
        return told, [*outputs, shown]

    def on_name(self, name, keep=False):
        if name not in self.names: raise NameError(f"name {name!r} is not defined")
        return self.settled(self.names[name], keep)

    def on_forget(self, name): del self.names[name]
    def on_bind(self, name, value): self.names[name] = value
    def on_get(self, thing, name, keep): return self.settled(getattr(thing, name), keep)
    def on_set(self, thing, name, value): setattr(thing, name, value)
    def on_delete(self, thing, name): delattr(thing, name)
    def on_item(self, thing, key, keep): return self.settled(thing[key], keep)
    def on_put(self, thing, key, value): thing[key] = value
    def on_remove(self, thing, key): del thing[key]
    def on_call(self, thing, args, kwargs, keep): return self.settled(thing(*args, **kwargs), keep)
    def on_len(self, thing): return len(thing)
    def on_truth(self, thing): return bool(thing)
    def on_iter(self, thing): return self.settled(iter_of(thing))
    def on_number(self, thing, kind): return {"int": int, "float": float, "index": lambda x: x.__index__()}[kind](thing)
    def on_array(self, thing): return np.array(thing)
    def on_text(self, thing, kind): return said({"repr": repr, "str": str}[kind], thing, 20_000)
    def on_import(self, name): return importlib.import_module(name)
    def on_value(self, thing): return self.settled(thing)
    def on_keep(self, value): return Kept(value)

    def on_each(self, function, cases, keep):
        "(True, value) or (False, error) of each call, in one question."
        answers = []
        for case in cases:
            try: answers.append([True, self.settled(function(*case), keep)])
            except BaseException as e: answers.append([False, self.told(e)])
        return answers

    def on_findings(self, rule, submissions, schema):
        "As `on_each`: what a rule finds in each submission, at all its nodes where there is a schema."
        known = {}   # answers at nodes that submissions share

        def found_in(submission):
            found = []
            for node in [(submission,)] if schema is None else every_node(submission, schema):
                key = id(node[0]), node[-1] if schema else ""
                if key not in known: known[key] = list(self.settled(rule(*node)) or ())
                found += known[key]
            return found
        return self.on_each(found_in, [(submission,) for submission in submissions], False)

    def on_patch(self, names):
        self.patches.append({name: self.names.get(name, MISSING) for name in names})
        self.names.update(names)

    def on_unpatch(self):
        for name, value in self.patches.pop().items():
            if value is MISSING: self.names.pop(name, None)
            else: self.names[name] = value

    def on_without_asserts(self, function):
        "The function as `python -O` compiles its cell; as it is where its source cannot be read."
        try: source = "".join(linecache.getlines(function.__code__.co_filename)) or inspect.getsource(function)
        except (OSError, TypeError, AttributeError): return function
        scope = dict(self.names)
        exec(compile(source, "<python -O>", "exec", optimize=1), scope)
        return scope[function.__name__]

    def on_watch(self, names):
        "Note from now on which of the C functions `names` are called."
        self.seen = []

        def note(frame, event, function):
            name = getattr(function, "__name__", "")
            if event == "c_call" and name in names and len(self.seen) < MOST_ITEMS: self.seen.append(name)
        sys.setprofile(note)

    def on_watched(self):
        sys.setprofile(None)
        return [str(name) for name in self.seen]


def every_node(value, schema, at=""):
    "(value, schema, pointer) of `value` and of everything below it."
    yield value, schema, at
    below = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for name, member in below:
        inner = schema.get("items", {}) if type(value) is list else schema.get("properties", {}).get(name, {})
        yield from every_node(member, inner, f"{at}/{name}")


def iter_of(thing): return (item for item in thing)


def slot(cls, name):
    "The slot `name` of a class, None where it has none."
    found = next((vars(above)[name] for above in cls.__mro__ if name in vars(above)), None)
    return found if type(found) is types.MemberDescriptorType else None


def kept_in(value, slot):
    "The `data` that `value` keeps in this slot, or in its dict, None without; no code of its class runs."
    try: return slot.__get__(value) if slot else object.__getattribute__(value, "__dict__").get("data")
    except AttributeError: return None


@functools.lru_cache(maxsize=1024)
def compiled(name, source): return compile(source, f"<given {name}>", "exec", dont_inherit=True)


def main(sock, clock):
    "Serve the examiner at the other end of `sock`, then end."
    for name in OURS: sys.modules.pop(name, None)
    # they know olympics
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
    try: Student(sock, clock).run()
    except Ended: pass
    finally: os._exit(0)
