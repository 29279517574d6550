"""The examiner's process: tests with their hidden lines, expected values, fake models, the virtual clock, the seed;
and the verdicts.

Threat: a student's process answers whatever it likes, in whatever form. Here nothing of the student's is executed,
unpickled or imported: what is known of it came over the line by value, or is a handle that asks. A name that a test
does not find itself is the student's. Verdicts go to the parent over a socket of which the student's process never
had an end.
"""
import ast
import builtins
import contextlib
import copy
import functools
import hashlib
import inspect
import os
import random
import stat
import sys
import tempfile
import types

import numpy as np

from .line import (
    MOST_BYTES,
    MOST_FRAME,
    MOST_KINDS,
    MOST_NESTED,
    MOST_TURNS,
    PACKERS,
    UNPACKERS,
    Ended,
    Frames,
    Line,
    Refused,
    TooMuch,
    said,
)

VOCABULARY = "capstone_checks"   # the module of the tests' helpers
FRAMEWORK = "tinytorch"
VALUE = "the value of the cell"   # no name that a cell can use
FUNCTIONS = types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial
# errors that end a loop here in silence, or more
CONTROL = (StopIteration, StopAsyncIteration, GeneratorExit, KeyboardInterrupt, SystemExit,
           BaseExceptionGroup, ExceptionGroup)
KEPT_OUTPUT = 8 * 2**20   # characters of a submission's outputs
MIMES = 10          # forms of one output


class Remote:
    "Something in the student's process: what is done to it is asked there. Equal only to itself."
    __slots__ = "line__", "number__", "keep__", "class__", "near__"

    def __init__(self, line, number, keep, kind, near=None):
        for name, value in zip(Remote.__slots__, (line, number, keep, kind, near)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name):
        if name == "data" and self.near__ and self.near__[0] == self.line__.heard: return self.near__[1]
        if name.startswith("__") and name.endswith("__") and name != "__name__": raise AttributeError(name)
        return self.line__.ask("get", self, name, self.keep__)

    def __setattr__(self, name, value): self.line__.ask("set", self, name, value)
    def __delattr__(self, name): self.line__.ask("delete", self, name)
    def __getitem__(self, key): return self.line__.ask("item", self, key, self.keep__)
    def __setitem__(self, key, value): self.line__.ask("put", self, key, value)
    def __delitem__(self, key): self.line__.ask("remove", self, key)
    def __call__(self, *args, **kwargs): return self.line__.ask("call", self, args, kwargs, self.keep__)
    def __len__(self): return self.line__.ask("len", self)
    def __bool__(self): return self.line__.ask("truth", self) is True
    def __iter__(self): return iter(self.line__.ask("iter", self))
    def __int__(self): return self.line__.ask("number", self, "int")
    def __float__(self): return self.line__.ask("number", self, "float")
    def __index__(self): return self.line__.ask("number", self, "index")
    def __repr__(self): return str(self.line__.ask("text", self, "repr"))
    def __str__(self): return str(self.line__.ask("text", self, "str"))
    def __array__(self, *_, **__): return np.asarray(self.line__.ask("array", self))
    def __deepcopy__(self, memo):
        return self.line__.ask("call", self.line__.ask("import", "copy").deepcopy, (self,), {}, self.keep__)
    def __instancecheck__(self, thing):
        if isinstance(thing, Valued): thing = thing.remote__
        return isinstance(thing, Remote) and self.number__ in self.line__.above.get(thing.class__, ())


class Valued:
    """Beside a built-in type, an instance of a student's subclass of it: its value came over the line and is compared
    here; what the built-in type lacks is asked there."""

    def __getattr__(self, name):
        if name.startswith("__") or name == "remote__": raise AttributeError(name)
        return getattr(self.remote__, name)

    def __str__(self): return str(self.remote__)
    def __repr__(self): return repr(self.remote__)


class Folder:
    "A folder that the student's process writes to and the examiner reads back, following no links."

    def __init__(self, path, base): self.path, self.base = path, base

    def opener(self, name, flags):
        for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"): flags |= getattr(os, flag, 0)
        if self.base is None: name = os.path.join(self.path, name)
        return os.open(name, flags, 0o644, dir_fd=self.base)

    def open(self, name):
        try: fd = self.opener(name, os.O_RDONLY)
        except OSError: fd = None   # a link or a socket
        if fd is None or not stat.S_ISREG(os.fstat(fd).st_mode):
            if fd is not None: os.close(fd)
            raise OSError(f"{name} is no file that can be read: a link, a pipe or a folder")
        return open(fd, encoding="utf-8", errors="replace")

    def read(self, name):
        with self.open(name) as file: return file.read(MOST_FRAME)

    def write(self, name, text):
        with open(self.opener(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(text)

    def names(self): return sorted(os.listdir(self.path if self.base is None else self.base))


class Asked(Line):
    "The examiner's end: handles out of numbers, fakes out of objects, errors out of what the other end tells of them."

    def __init__(self, sock):
        super().__init__(sock)
        self.clock, self.heard, self.turns, self.memo = None, 0, 0, {}
        self.things, self.above, self.kinds, self.valued = {}, {}, {}, {}
        self.mine, self.numbers, self.granted, self.arrays, self.stand_ins, self.modules = [], {}, set(), {}, (), {}

    # the clock

    def tick(self):
        clock = self.clock
        return [clock.now_ns, clock.wall(clock.now_ns)] if clock is not None and clock.active else None

    def ticked(self, reads):
        if type(reads) is not int or not 0 <= reads < 2**40: raise Refused("no count of clock reads")
        if self.clock is not None: self.clock.reads += reads

    # values out

    def say(self, kind, body):
        self.memo, self.heard = {}, self.heard + 1
        super().say(kind, body)

    def pack_once(self, value, raw, depth):
        "A list or a dict; one that occurs again in a frame is one object over there."
        if id(value) in self.memo: return {"m": self.memo[id(value)]}
        if type(value) is list:
            self.memo[id(value)] = len(self.memo)
            return {"L": self.pack_list(value, raw, depth)}
        if not all(type(key) is str for key in value): return self.pack_dict(value, raw, depth)
        self.memo[id(value)] = len(self.memo)
        return {"M": self.pack_dict(value, raw, depth)["D"]}

    def pack_known(self, value, raw, depth):
        "An array, or its number where the other end has it already: an array sent twice is one array there."
        if value.dtype.kind not in "biufcU": return self.pack_array(value, raw, depth)
        known = self.arrays.get(id(value))
        if (known and known[1].dtype == value.dtype and known[1].shape == value.shape
            and known[1].tobytes() == value.tobytes()):
            return {"A": known[2]}
        self.arrays[id(value)] = value, value.copy(), len(self.arrays)   # the array too, so that its id stays its own
        return {"k": self.pack_array(value, raw, depth)["a"]}

    def pack_other(self, value, raw, depth):
        if isinstance(value, Valued): value = value.remote__
        if isinstance(value, Remote): return {"h": value.number__}
        if any(value is function for function in self.stand_ins): return {"q": 0}
        if isinstance(value, np.ndarray):
            return {"w": [self.number(value), self.pack_array(np.array(value, subok=False), raw, depth)["a"]]}
        if id(value) in self.numbers and self.numbers[id(value)] in self.granted: return {"x": [self.number(value)]}
        number = self.number(value)
        self.granted.add(number)
        if isinstance(value, type): return {"x": [number, "class", value.__name__, self.shown(value)]}
        if isinstance(value, FUNCTIONS):
            return {"x": [number, "function", getattr(value, "__name__", "function"), None]}
        return {"x": [number, "instance", "", self.shown(type(value))]}

    def number(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.mine)
            self.mine.append(value)
        return number

    packers = PACKERS | {list: pack_once, dict: pack_once, np.ndarray: pack_known}

    def shown(self, kind):
        "[number, name, methods, data, what may be set] of a class: what a student may see of its instances."
        return [self.number(kind), kind.__name__, *members(kind)]

    # values in

    def unpack_handle(self, content, raw, depth, keep=False):
        number, kind, *near = content
        if type(kind) is list:
            kind, name, above = kind
            if (not all(type(n) is int for n in [kind, *above]) or type(name) is not str
                or len(self.above) > MOST_KINDS + 10):
                raise Refused("no class")
            self.above[kind] = {kind, *above[:30]}
            self.kinds[kind] = type(name, (Remote,), {"__slots__": ()})
        if type(number) is not int or number < 0 or kind not in self.kinds: raise Refused("no handle")
        found = self.things.get((number, keep))
        if found is None: found = self.things[number, keep] = self.kinds[kind](self, number, keep, kind)
        if near: object.__setattr__(found, "near__", (self.heard, self.unpack_array(near[0]["a"], raw, depth)))
        return found

    def unpack_valued(self, content, raw, depth):
        number, kind, value = content
        remote, value = self.unpack_handle([number, kind], raw, depth), self.unpack(value, raw, depth)
        if type(value) not in (str, int, float, tuple): raise Refused("no value")
        if number not in self.valued:
            self.valued[number] = found = type(type(remote).__name__, (Valued, type(value)), {})(value)
            found.remote__ = remote
        return self.valued[number]

    def unpack_mine(self, content, raw, depth):
        if type(content) is not int or not 0 <= content < len(self.mine): raise Refused("no stand-in")
        return self.mine[content]

    def unpack_kept(self, content, raw, depth): return self.unpack_handle(content, raw, depth, keep=True)

    unpackers = UNPACKERS | {"h": unpack_handle, "H": unpack_kept, "v": unpack_valued, "x": unpack_mine}

    def error(self, told):
        """An exception to raise for what the other end tells: a subclass of the nearest built-in one, with the same
        words."""
        try: names, text, shown, at = (told[name] for name in ("names", "text", "repr", "at"))
        except (TypeError, KeyError): raise Refused("no error") from None
        if (type(names) is not list or not all(type(word) is str for word in [*names, text, shown])
            or not (at is None or type(at) is list and [type(v) for v in at] == [str, int])):
            raise Refused("no error")
        base = next((kind for name in names if isinstance(kind := getattr(builtins, name, None), type)
                     and issubclass(kind, BaseException)
                     and kind not in CONTROL), Exception)
        error = base.__new__(theirs(names[0] if names else "Exception", base))
        error.words, error.shown, error.at = text, shown, at
        return error

    # what the student's process asks

    def ask(self, *question):
        if self.nested == 0: self.turns = 0
        return super().ask(*question)

    def handle(self, question):
        self.turns += 1
        if self.turns > MOST_TURNS + 10 or self.nested > MOST_NESTED + 10: raise Refused("calls back without an end")
        if type(question) is not list or len(question) < 2 or type(question[1]) is not int: raise Refused("no question")
        name, number, *rest = question
        if type(name) is not str or name not in QUESTIONS or not 0 <= number < len(self.mine):
            raise Refused("an unknown question")
        answer, parts = QUESTIONS[name]
        if len(rest) != parts: raise Refused("a question with other parts")
        return answer(self, self.mine[number], *rest)

    def on_call(self, thing, args, kwargs):
        if self.numbers[id(thing)] not in self.granted or not (isinstance(thing, (type, *FUNCTIONS))):
            raise Refused("a call of what was not given")
        return thing(*words(args, tuple), **words(kwargs, dict))

    def on_method(self, thing, name, args, kwargs):
        self.allowed(thing, name)
        return getattr(thing, name)(*words(args, tuple), **words(kwargs, dict))

    def on_get(self, thing, name):
        self.allowed(thing, name)
        return getattr(thing, name)

    def on_set(self, thing, name, value):
        if name not in getattr(type(thing), "sets", ()): raise Refused("a change of what was not shown")
        setattr(thing, name, value)

    def on_copy(self, thing, deep):
        if isinstance(thing, (type, *FUNCTIONS)): raise Refused("a copy of what was not given")   # it would be itself
        return copy.deepcopy(thing) if deep else copy.copy(thing)

    def on_sliced(self, thing): thing.sliced()

    def allowed(self, thing, name):
        if type(name) is not str or not any(name in listed for listed in members(type(thing))):
            raise Refused("what was not shown")


@functools.lru_cache(maxsize=256)
def members(kind):
    "(methods, data, what may be set) of a class of ours: what a student may see of its instances."
    names, sets = getattr(kind, "shows", ()), list(getattr(kind, "sets", ()))
    methods = [name for name in names if callable(inspect.getattr_static(kind, name, None))]
    return methods, [name for name in names if name not in methods], sets


# what a student's process may ask, and with how many parts
QUESTIONS = {"call": (Asked.on_call, 2), "method": (Asked.on_method, 3), "get": (Asked.on_get, 1),
             "set": (Asked.on_set, 2), "copy": (Asked.on_copy, 1), "sliced": (Asked.on_sliced, 0)}


def words(value, kind):
    if type(value) is not kind or kind is dict and not all(type(name) is str for name in value):
        raise Refused("no arguments")
    return value


@functools.lru_cache(maxsize=256)
def theirs(name, base):
    return type(name, (base,), {"__str__": lambda self: self.words, "__repr__": lambda self: self.shown,
                                "__init__": lambda self, *_: None})


class Hooks:
    "The vocabulary's questions about the student's side, across the line."

    def __init__(self, line, folder): self.line, self.base, self.count = line, folder, 0

    def their(self, name):
        if name not in self.line.modules: self.line.modules[name] = self.line.ask("import", name)
        return self.line.modules[name]

    def there(self, value):
        if not isinstance(value, Remote): return self.line.ask("keep", value)
        key = value.number__, True
        if key not in self.line.things:
            self.line.things[key] = type(value)(self.line, value.number__, True, value.class__)
        return self.line.things[key]

    def here(self, value): return self.line.ask("value", value) if isinstance(value, Remote) else copy.deepcopy(value)

    def each(self, function, cases):
        cases = [tuple(case) for case in cases]
        if not isinstance(function, Remote): return [attempted(function, case) for case in cases]
        return self.answers(len(cases), "each", function, cases, function.keep__)

    def findings(self, rule, submissions, schema=None):
        submissions = list(submissions)
        return self.answers(len(submissions), "findings", rule, submissions, schema)

    def answers(self, count, *question):
        "(value, None) or (None, error) of each of the `count` cases of a question."
        answers = self.line.ask(*question)
        if type(answers) is not list or len(answers) != count: raise Refused("other answers than cases")
        try: return [(value, None) if fine is True else (None, self.line.error(value)) for fine, value in answers]
        except (TypeError, ValueError): raise Refused("no answers") from None

    @contextlib.contextmanager
    def patched(self, **stand_ins):
        self.line.ask("patch", stand_ins)
        try: yield
        finally: self.line.ask("unpatch")

    def without_asserts(self, function):
        return self.line.ask("without_asserts", function) if isinstance(function, Remote) else function

    def calls_seen(self, call, names):
        self.line.ask("watch", list(names))
        try: call()
        finally: seen = self.line.ask("watched")
        return [name for name in seen if name in names]

    @contextlib.contextmanager
    def new_folder(self):
        path, base = self.base
        if base is None:
            with tempfile.TemporaryDirectory(dir=path) as folder: yield Folder(folder, None)
            return
        self.count += 1
        os.mkdir(f"t{self.count}", 0o700, dir_fd=base)
        fd = os.open(f"t{self.count}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=base)
        try: yield Folder(f"{path}/t{self.count}", fd)
        finally: os.close(fd)


def attempted(function, case):
    try: return function(*case), None
    except Exception as e: return None, e


HOOKS = [name for name in vars(Hooks) if not name.startswith("_") and name != "answers"]


class Theirs(dict):
    "The builtins of a test, and behind them the student's names."

    def __init__(self, line):
        super().__init__(vars(builtins))
        self.line = line
        self["globals"] = lambda: self

    def __missing__(self, name): return self.line.ask("name", name)

    def get(self, name, default=None):
        try: return self[name]
        except NameError: return default


class Local(dict):
    """The names of a test as it runs: its own, which its functions see too; a student's name that it deletes is gone
    over there until it sets it."""

    def __init__(self, line, space):
        super().__init__()
        self.line, self.space, self.gone = line, space, set()

    def __getitem__(self, name): return self.space[name]

    def __setitem__(self, name, value):
        if name not in self.gone:
            self.space[name] = value
            return
        self.line.ask("bind", name, value)
        self.gone.discard(name)

    def __delitem__(self, name):
        if name in self.space:
            del self.space[name]
            return
        self.line.ask("forget", name)
        self.gone.add(name)


class FromStudent(types.ModuleType):
    "A module of the framework, for tests: each name in it is the student's."
    def __init__(self, name, hooks):
        super().__init__(name)
        self.__path__, self.hooks = [], hooks

    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return getattr(self.hooks.their(self.__name__), name)


class Finder:
    "Finds modules of the framework as `FromStudent`."
    def __init__(self, hooks): self.hooks = hooks

    def find_spec(self, name, path=None, target=None):
        from importlib.machinery import ModuleSpec
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] == FRAMEWORK else None

    def create_module(self, spec): return FromStudent(spec.name, self.hooks)
    def exec_module(self, module): pass


@functools.lru_cache(maxsize=1024)
def compiled(name, source):
    "A trusted cell as code, which binds VALUE to its last expression; one that is no Python raises when it runs."
    try:
        tree = ast.parse(source)
        if tree.body and isinstance(last := tree.body[-1], ast.Expr):
            tree.body[-1] = ast.copy_location(ast.Assign([ast.Name(VALUE, ast.Store())], last.value), last)
        return compile(ast.fix_missing_locations(tree), f"<trusted {name}>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as e: return compile(f"raise SyntaxError({str(e)!r})", f"<trusted {name}>", "exec")


@functools.lru_cache(maxsize=1024)
def imports(name, source):
    "The code of a given cell's plain imports, without those of the framework; None where there are none."
    def plain(node):
        if isinstance(node, ast.Import): return all(alias.name.partition(".")[0] != FRAMEWORK for alias in node.names)
        return (isinstance(node, ast.ImportFrom) and not node.level
                and (node.module or "").partition(".")[0] != FRAMEWORK)
    try: body = [node for node in ast.parse(source).body if plain(node)]
    except SyntaxError: return None
    return compile(ast.Module(body, []), f"<trusted {name}>", "exec", dont_inherit=True) if body else None


class Exam:
    "One submission's cells and tests, in order."

    def __init__(self, line, seed, folder, vocabulary="", most=2**20):
        self.line, self.seed, self.hooks, self.kept = line, seed, Hooks(line, folder), 0
        self.space = {"__name__": "__main__", "__builtins__": Theirs(line)}
        sys.meta_path.insert(0, Finder(self.hooks))
        line.ask("begin", drawn("student", seed), most)
        self.vocabulary = vocabulary

    def load(self):
        "Execute the vocabulary of the tests as a module, with our hooks in place of its own."
        module = sys.modules[VOCABULARY] = types.ModuleType(VOCABULARY)
        exec(compiled(VOCABULARY, self.vocabulary), vars(module))
        self.hook(vars(module))

    def hook(self, space):
        for name in HOOKS:
            if name in space: space[name] = getattr(self.hooks, name)
        self.line.clock = space.get("virtual", self.line.clock)
        if "SILENT" in space: self.line.stand_ins = (space["SILENT"],)

    def step(self, step):
        "Run one step; {ok, error, outputs} of it."
        name, role, source = step["id"], step["role"], step["source"]
        if role in ("test", "tools"): return self.test(name, role, source)
        if role == "given" and (code := imports(name, source)):
            with contextlib.suppress(ImportError): exec(code, self.space)
        try: answer = self.line.ask("run", name, role, source)
        except (Refused, Ended): raise
        # its process could not even say what the cell did
        except BaseException as e: return {"error": about(e, None), "outputs": []}
        if type(answer) is not list or len(answer) != 2: raise Refused("no answer to a cell")
        error, outputs = answer
        if role == "beside": outputs = number_in(outputs)   # whatever else a test shows may be hidden
        return {"error": None if error is None else about(self.line.error(error), None),
                "outputs": self.counted(outputs)}

    def counted(self, outputs):
        "The outputs of a cell, rebuilt from plain types, while there is room for them."
        if type(outputs) is not list: raise Refused("no outputs")
        try: outputs = [output(o) for o in outputs]
        except (TypeError, KeyError, AttributeError): raise Refused("no outputs") from None
        self.kept += sum(len(str(o)) for o in outputs)
        if self.kept > KEPT_OUTPUT:
            return [{"output_type": "stream", "name": "stderr", "text": "output left out: too much in total\n"}]
        return outputs

    def test(self, name, role, source):
        seed = drawn(f"cell {name}", self.seed)   # what one test draws says nothing of what another does
        random.seed(seed)
        np.random.seed(seed % 2**32)
        os.environ["CAPSTONE_SEED"] = str(seed)
        error = value = None
        try:
            if role == "tools" and VOCABULARY in source and self.vocabulary: self.load()
            exec(compiled(name, source), self.space, Local(self.line, self.space))
            value = self.space.pop(VALUE, None)
            if role == "tools": self.hook(self.space)
        except (Refused, Ended): raise
        except BaseException as e: error = about(e, f"<trusted {name}>")
        return {"error": error, "outputs": [shown(repr(value))] if type(value) in (int, float) else []}


def shown(text):
    "The output of a test that ends in a number: partial credit."
    return {"output_type": "execute_result", "data": {"text/plain": text}}


def number_in(outputs):
    "The number in which a cell ended, as its only output."
    for o in outputs if type(outputs) is list else ():
        try: return [shown(repr(float(o["data"]["text/plain"])))]
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError): pass
    return []


def drawn(use, seed):
    "A seed for one `use`, from which neither `seed` nor that of another use can be told."
    return int.from_bytes(hashlib.sha256(f"{use} {seed}".encode()).digest()[:7], "big")


def about(error, here):
    """What a verdict says of an error: its name and words, the line of the test `here` that it came from, the
    student's cell and line."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == here and line is None: line = trace.tb_lineno
        trace = trace.tb_next
    at = getattr(error, "at", None)
    return {"ename": said(str, type(error).__name__), "message": said(str, error), "line": line,
            "at": at if type(at) is list else None}


def text(value):
    if type(value) is not str: raise TypeError
    return value


def output(o):
    "One output of a cell with the members that its kind has and no others."
    kind = o["output_type"]
    if kind == "stream": return {"output_type": kind, "name": text(o["name"]), "text": text(o["text"])}
    if kind == "error":
        return {"output_type": kind, "ename": text(o["ename"]), "evalue": text(o["evalue"]),
                "traceback": [text(line) for line in o["traceback"]]}
    if kind not in ("display_data", "execute_result"): raise TypeError
    return {"output_type": kind, "data": {text(mime): text(shown) for mime, shown in list(o["data"].items())[:MIMES]}}


def main(parent, line, steps=(), vocabulary="", folder=None):
    """Examine one submission: the job comes from the socket `parent`, the student's process is at the other end of
    `line`.

    `steps`: trusted cells {id: source}; `folder`: (path over there, descriptor here) of the folder that both have."""
    frames, asked = Frames(parent), Asked(line)
    job, _ = frames.receive()
    chosen = [frames.receive()[0] for _ in range(job["count"])]
    try:
        exam = Exam(asked, job["seed"], folder or (os.getcwd(), None), vocabulary, job["output"])
        for step in chosen:
            found = exam.step(step if "source" in step else {**step, "source": steps[step["id"]]})
            frames.send({"id": step["id"], **found})
        frames.send({"end": True, "turns": asked.frames.count, "bytes": MOST_BYTES - asked.frames.left})
    except Refused as e: frames.send({"refused": str(e)})
    except TooMuch: frames.send({"refused": "more than can be passed on"})   # ours keeps to half of that
    except Ended: frames.send({"ended": True})
