"""The code in the cage that decides: runs the steps of one submission, each in its place, and answers each.

Threat: a submission changes what decides its grade: the test's helpers, builtins, numpy, hooks, the answer itself. Student cells run in
a namespace of their own, as in Jupyter (shell.py). A test runs in a fresh one that holds the trusted cells it needs, newly executed, over
pristine builtins, and sees the student's names only where it knows no other; before it, modules, hooks, signals and trace functions are
put back as they were, and a test during which one of them was changed does not pass. Nothing of a test stays behind, not even its output.
What remains: both live in one process. Nothing here can be reached from what student code is given (there are functions alone, no class,
and no module of this name), but frames, the garbage collector and ctypes reach everything: code that a test calls can find the step it is
in, change a trusted function or answer in its place, and put everything back in time. An audit hook tells the parent of the first such
look at once, before anything can come of it, and the known-wrong answers among the steps (canaries.py) make the rest show.
"""
import builtins, gc, linecache, os, random, re, signal, sys, threading, time, types, warnings
from binascii import a2b_base64
from _json import encode_basestring, make_scanner, scanstring
from marshal import loads
from operator import is_, itemgetter

import shell

__builtins__ = dict(vars(builtins))   # the functions below look here, whatever becomes of the module
MISSING = object()
DECIDES = types.ModuleType, property, classmethod, staticmethod   # what code calls or looks through, besides callables; data may vary
# Modules that trusted code leans on, and most of numpy and tinytorch.
LEAN = ("abc ast builtins contextlib copy datetime functools gc genericpath hashlib importlib inspect io itertools json json.decoder "
        "json.encoder json.scanner linecache math os posixpath random re shutil string sys tempfile time timeit tokenize types "
        "warnings").split()
ASIDE = re.compile(r"numpy\.(testing|f2py|ma|polynomial|fft|ctypeslib|typing|_typing|lib\.(recfunctions|format|mixins)|random\.)|"
                   r"tinytorch\.(data|perf\.|benchmarking)")
VARYING = {"sys": {"stdin", "stdout", "stderr", "last_type", "last_value", "last_traceback", "last_exc", "displayhook", "excepthook"},
           "tempfile": {"_name_sequence"}, "builtins": {"_"}}
WHOLE = {"json", "json.encoder", "json.decoder", "math", "os", "string", "numpy"}   # constants and instances of these count too
OWN = ("time", "virtual"), ("os", "environ"), ("json", "_default_encoder"), ("json", "_default_decoder")   # their attributes as well
FREE = {"warnings.showwarning", "warnings.formatwarning"}   # a solution may set these (logging.captureWarnings), for itself alone
# Audit events of code that looks behind the interpreter; attributes count when a student's cell itself asks for them.
BEHIND = {"sys._getframe", "sys._current_frames", "sys._current_exceptions", "gc.get_objects", "gc.get_referrers", "gc.get_referents",
          "sys.settrace", "sys.setprofile", "sys.addaudithook", "object.__getattr__", "object.__setattr__", "code.__new__",
          "function.__new__", "marshal.loads", "compile", "import"}
ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "__code__"}
# Library functions that look for their caller: "event file function".
LENDS = re.compile(r"import .*importlib|sys\._getframe .*(inspect|traceback|mock)\.py |sys\._getframe .*logging\W__init__\.py (currentframe|<lambda>)$|"
                   r"object\.__getattr__ .*(string\.py get_field|traceback\.py walk_tb)$")
WRITES = {"object.__setattr__", "object.__delattr__"}   # a function's code and defaults change with one of these, and with nothing else


def needed(fresh, given):
    "Codes of the trusted cells `given`, in order, that code which looks up the names `fresh` leans on, directly or through others."
    names, chosen = set(), set()
    while fresh:
        names |= fresh
        found = [i for i, (_, binds, _) in enumerate(given) if i not in chosen and binds & fresh]
        chosen.update(found)
        fresh = set().union(*(given[i][2] for i in found)) - names
    return [given[i][0] for i in sorted(chosen)]


def pristine(written, *things):
    """A function that puts modules, their classes and functions, and `things` back as they are now, and gives the names of what was changed.

    `written`: what `watch` fills with the ids of functions of which something was set, once and for all: the event comes before the deed.
    These alone are read, since every reading is an event too.
    """
    spaces, functions, seen = [], {}, set()

    def keep(name, space, kind, was):
        whole = name in WHOLE and not kind
        was = {k: v for k, v in was.items() if callable(v) or isinstance(v, DECIDES) or k == "virtual" or whole and k[:2] != "__"}
        get = itemgetter(*was) if len(was) > 1 else lambda space: tuple(space[name] for name in was)
        spaces.append((name, space, kind, list(was), list(was.values()), get))
        for value in was.values():
            if isinstance(value, type): keep_class(value)
            else: keep_function(getattr(value, "__func__", getattr(value, "fget", value)) if kind else value)

    def keep_class(kind):
        if id(kind) in seen or not kind.__flags__ & 512 or kind.__module__.startswith("numpy"): return   # 512: made by a class statement
        seen.add(id(kind))
        keep(kind.__name__, vars(kind), kind, vars(kind))

    def keep_function(f):
        f = getattr(f, "__wrapped__", f) if type(f).__module__ != "builtins" else f
        if type(f) is types.FunctionType and id(f) not in seen:
            seen.add(id(f))
            functions[id(f)] = f, f.__code__, f.__defaults__, f.__kwdefaults__

    for name, module in list(sys.modules.items()):
        known = name in LEAN or name.partition(".")[0] in ("numpy", "tinytorch") and not ASIDE.match(name)
        if isinstance(module, types.ModuleType) and known and id(module) not in seen:
            seen.add(id(module))
            keep(name, vars(module), None, {k: v for k, v in vars(module).items() if k not in VARYING.get(name, ())})
    for thing in things: keep_class(type(thing))
    own = [(vars(thing), dict(vars(thing))) for thing in things]
    modules, meta_path, path_hooks, filters = dict(sys.modules), list(sys.meta_path), list(sys.path_hooks), list(warnings.filters)
    recursion, switch = sys.getrecursionlimit(), sys.getswitchinterval()
    hooks = sys.displayhook, sys.excepthook, sys.unraisablehook
    numpy = sys.modules.get("numpy")
    errors = numpy and numpy.geterr()
    numbers = [getattr(signal, name, None) for name in ("SIGALRM", "SIGINT", "SIGTERM", "SIGPROF", "SIGVTALRM")]
    handlers = {number: signal.getsignal(number) for number in numbers if number}

    def restore():
        changed = []
        for name, space, kind, names, values, get in spaces:
            try:
                if all(map(is_, get(space), values)): continue
            except KeyError: pass   # something was taken away
            for key, value in zip(names, values):
                if space.get(key, MISSING) is not value:
                    if f"{name}.{key}" not in FREE: changed.append(f"{name}.{key}")
                    if kind: type.__setattr__(kind, key, value)
                    else: space[key] = value
        for space, was in own:
            space.clear()
            space.update(was)
        for f, code, defaults, kwdefaults in [functions[i] for i in functions.keys() & written]:
            if f.__code__ is not code or f.__defaults__ is not defaults or f.__kwdefaults__ is not kwdefaults:
                changed.append(f.__name__)
                f.__code__, f.__defaults__, f.__kwdefaults__ = code, defaults, kwdefaults
        if not all(map(is_, map(sys.modules.get, modules), modules.values())):
            for name, module in modules.items():
                if sys.modules.get(name) is not module:
                    changed.append(f"sys.modules[{name!r}]")
                    sys.modules[name] = module
        sys.meta_path[:], sys.path_hooks[:] = meta_path, path_hooks
        warnings.filters[:] = filters
        warnings._filters_mutated()
        sys.displayhook, sys.excepthook, sys.unraisablehook = hooks
        sys.setrecursionlimit(recursion)
        sys.setswitchinterval(switch)
        if errors: numpy.seterr(**errors)
        for number, handler in handlers.items(): signal.signal(number, handler)
        gc.enable()
        return changed
    return restore


def quiet():
    "Take away what would interrupt: trace and profile functions, monitoring, timers."
    sys.settrace(None); sys.setprofile(None); threading.settrace(None); threading.setprofile(None)
    if hasattr(signal, "setitimer"):
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF): signal.setitimer(timer, 0)
    if monitoring := getattr(sys, "monitoring", None):
        for tool in range(6):
            if monitoring.get_tool(tool): monitoring.set_events(tool, 0); monitoring.free_tool_id(tool)


def watch(tell, written):
    """Call `tell(event)` the first time that a student's code looks behind the interpreter in each way; fill `written` (see `pristine`).

    A student's is all code but the trusted cells and files that can be imported now; none may be compiled under such a name.
    """
    told, busy, frame_of = set(), [], sys._getframe
    ours = ("<trusted ", "<frozen ", os.path.dirname(__file__), *filter(None, sys.path))

    def hook(event, args):
        if event in WRITES: written.add(id(args[0]))
        if event not in BEHIND or busy or event in told: return
        if event.startswith("object.") and (len(args) < 2 or args[1] not in ATTRIBUTES) or event == "import" and args[0] != "ctypes": return
        if event == "compile" and not (isinstance(args[1], str) and args[1].startswith(ours)): return
        busy.append(event)
        try:
            frame = frame_of(1)
            while frame and LENDS.match(f"{event} {frame.f_code.co_filename} {frame.f_code.co_name}"): frame = frame.f_back
            if frame and not frame.f_code.co_filename.startswith(ours):
                told.add(event)
                tell(f"{event} {args[1]}" if event.startswith("object.") else "ctypes" if event == "import" else event)
        finally: busy.clear()
    sys.addaudithook(hook)


def frames(trace):
    "(file name, line, function) of a traceback, outermost first."
    found = []
    while trace is not None and len(found) < 10_000:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_code.co_name))
        trace = trace.tb_next
    return found


def answer(step, error, trace, outputs):
    "What the parent learns of a step."
    test, about, own = step["role"] == "test", None, [(name, line, where) for name, line, where in trace if name.startswith("<cell ")]
    if error is not None:
        here = next((line for name, line, _ in trace if name == f"<trusted {step['id']}>"), None)
        if isinstance(error, SyntaxError) and not test: own = own or [(f"<cell {step['id']}>", error.lineno or 0, "")]
        message = shell.text_of(error)
        if test and own: message += f" (line {own[-1][1]} of {own[-1][0][6:-1]})"
        about = {"ename": shell.text_of(type(error).__name__), "message": message, "line": here if test else own[-1][1] if own else None}
        if not test:
            lines = [f"{name[1:-1]}, line {line}{', in ' * (where not in ('', '<module>'))}{where.replace('<module>', '')}: "
                     f"{linecache.getline(name, line).strip()}"[:1000] for name, line, where in own[-20:]]
            outputs.append({"output_type": "error", "ename": about["ename"], "evalue": message,
                            "traceback": [*lines, f"{about['ename']}: {message}"]})
    return {"id": step["id"], "nonce": step["nonce"], "ok": error is None, "error": about, "outputs": [] if test else outputs}


def standing(space, binds):
    "What a test leans on and does not bind itself: the names in `space`, and what their functions are made of."
    names = tuple((name, value) for name, value in space.items() if name not in binds)
    return names, tuple((f, f.__code__, f.__defaults__, f.__kwdefaults__) for _, f in names if type(f) is types.FunctionType)


def differing(restore, space, before, _):
    "Names of what a test changed; as arguments of one call, what to compare with lies where no frame shows it while the test runs."
    names, functions = before
    return ([name for name, value in names if space.get(name, MISSING) is not value]
            + [f.__name__ for f, *was in functions if not all(map(is_, was, (f.__code__, f.__defaults__, f.__kwdefaults__)))] + restore())


def submission(job, tell):
    "A function that runs one step of `job` and gives its answer; `tell` is told of looks behind the interpreter."
    limits, seed, given, earlier, original = job.get("limits", {}), int(job["seed"]), [], {}, dict(vars(builtins))
    restore, touched, written = None, True, set()
    for name in ("runner", "zygote", "shell", "ctypes"): sys.modules.pop(name, None)   # ctypes, so that its import shows
    sys.path[:] = ["" if path == os.path.dirname(__file__) else path for path in sys.path]   # as in Jupyter: the working folder
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
    notebook = shell.Notebook()
    student = notebook.names
    environ = os.environ   # whatever a student's cell puts in its place
    draw, draw_numpy = random.seed, sys.modules["numpy"].random.seed if "numpy" in sys.modules else int

    def reseed():
        "The same random numbers for each test, whatever ran before it."
        draw(seed)
        draw_numpy(seed % 2**32)
    reseed()

    def trusted(step):
        "Run a trusted cell where student code will look for it, and keep it for the tests."
        given.append(loads(a2b_base64(step["code"])))
        exec(given[-1][0], student)

    def test(step):
        "Run a test, or the same test on a known-wrong answer, in a fresh namespace; RuntimeError when it was interfered with."
        code, binds, uses = loads(a2b_base64(step["code"]))
        space = {"__name__": "__main__", "__builtins__": shell.Fallback(original, student)}
        for cell in needed(uses, given): exec(cell, space)
        space.update({name: earlier[name] for name in uses & earlier.keys() - space.keys()})
        if "patched" in space: space["patched"] = shell.patched_in(student, space)
        wrong, kept = (), {}
        if "answers" in step:
            answers, wrong, uses_too = loads(a2b_base64(step["answers"]))
            for cell in needed(uses_too, given): exec(cell, space)
            exec(answers, space)
            kept = {name: student.get(name, MISSING) for name in wrong}
            student.update({name: space[name] for name in wrong})
        try: changed = differing(restore, space, standing(space, binds), exec(code, space))
        except BaseException:
            restore()
            raise
        finally:
            for name, value in kept.items():
                if value is MISSING: student.pop(name, None)
                else: student[name] = value
            if not wrong: earlier.update({name: space[name] for name in binds if name in space})
        if changed: raise RuntimeError(f"the cell was changed while it ran: {', '.join(changed[:5])}")

    def run(step):
        nonlocal restore, touched
        role, error, trace = step["role"], None, None
        notebook.fresh(limits.get("output_bytes", 2**20))
        try:
            if role != "given" and restore is None:
                restore = pristine(written, *(vars(sys.modules[name])[thing] for name, thing in OWN if thing in vars(sys.modules.get(name, object))))
                gc.freeze()
                watch(tell, written)
            if role == "test":
                quiet()
                if touched: restore()
                reseed()
                environ["CAPSTONE_SEED"] = str(seed)
            if role == "given": trusted(step)
            elif role == "test": test(step)
            else: notebook.run(f"<cell {step['id']}>", step["source"])
        except BaseException as e:
            error, trace = e, sys.exc_info()[2]
        touched = role != "test"
        for last in (False, False, True):
            try:
                quiet()
                environ.pop("CAPSTONE_SEED", None)
                return answer(step, error, frames(trace), notebook.outputs.done())
            except BaseException:   # the last ring of a student's timer, or something that the student's cell took away
                if last: raise
                if restore: restore()
    return run


def written(value):
    "`value`, of plain types, as JSON; built from C functions alone, which a student's patches of json do not reach."
    kind = type(value)
    if kind is str: return encode_basestring(value)
    if value is None or kind is bool: return "null" if value is None else "true" if value else "false"
    if kind is int: return int.__repr__(value)
    if kind is dict: return "{" + ",".join([encode_basestring(k) + ":" + written(v) for k, v in value.items()]) + "}"
    if kind is list: return "[" + ",".join([written(v) for v in value]) + "]"
    raise TypeError(f"{kind.__name__} in an answer")


def channel():
    "Move the grader's channel away from stdin and stdout: functions that read a line and write an answer."
    take, give = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1): os.dup2(null, fd)
    os.close(null)
    os_read, os_write, set_blocking, buffer = os.read, os.write, getattr(os, "set_blocking", lambda *_: None), bytearray()
    scan = make_scanner(types.SimpleNamespace(strict=True, object_hook=None, object_pairs_hook=None, parse_float=float, parse_int=int,
                                              parse_constant=float, parse_string=scanstring, memo={}))

    def read():
        while (end := buffer.find(b"\n")) < 0:
            set_blocking(take, True)
            data = os_read(take, 2**18)
            if not data: return None
            buffer.extend(data)
        line = bytes(buffer[:end])
        del buffer[:end + 1]
        return scan(line.decode(), 0)[0]

    def write(message):
        data = memoryview((written(message) + "\n").encode("utf-8", "replace"))
        set_blocking(give, True)
        while data: data = data[os_write(give, data):]
    return read, write


def main():
    read, write = channel()
    run = submission(read(), lambda event: write({"look": event}))
    while (step := read()) is not None: write(run(step))
    write({"end": True})
    os._exit(0)


if __name__ == "__main__":
    import numpy   # as in the warm Python of the cage
    gc.freeze()
    main()
