"""What a student's cell has of Jupyter: a namespace, outputs, display, magics.

Part of the student's process, which protects nothing.

Magics that run Python run it; the others are skipped with a note, as are shell lines. A cell becomes Python by
IPython's own transformer.
"""
import __future__

import ast
import asyncio
import base64
import builtins
import importlib
import io
import linecache
import pdb
import re
import sys
import time
import types

from .line import said

AWAIT, CO_COROUTINE = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, 128
# bits of co_flags
FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
             if name != "nested_scopes")
PIECES = 500   # of a cell's streams that are told apart: beyond, what stdout and stderr say stays in one, in its order
RICH = 200     # rich outputs of a cell
REPRS = {"_repr_html_": "text/html", "_repr_markdown_": "text/markdown", "_repr_latex_": "text/latex",
         "_repr_svg_": "image/svg+xml", "_repr_png_": "image/png", "_repr_jpeg_": "image/jpeg"}
# magics that need no %, on a line of their own
AUTO = re.compile(r"\s*(pip|conda|ls|cd|pwd|cat|mkdir|rm|cp|mv|who|whos)\b[^=(]*$")
RUNS = ("time", "timeit", "prun")
# of these magics, with their arguments
OPTIONS = re.compile(r"(\s*--?([slTD]\s*\S+|[nrp]\s*\d+|[a-zA-Z-]+)(?=\s|$))*")


class Outputs(io.TextIOBase):
    "What one cell shows, `most` characters of it; stands in for sys.stdout and, through `stderr`, for sys.stderr."
    encoding = "utf-8"

    def __init__(self, most): self.kept, self.left, self.stderr = [], most, Stderr(self)
    def writable(self): return True
    def isatty(self): return False
    def write(self, text): return self.add("stdout", text)

    def add(self, name, text):
        if not isinstance(text, str): raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        size, room = len(text), self.left
        if room <= 0 or not size: return size
        text, self.left = "".join([text]), room - size
        if size > room: text = text[:room] + "\n... output left out: too much of it\n"
        last = self.kept[-1] if self.kept else {}
        if last.get("name") == name or "text" in last and len(self.kept) >= PIECES: last["text"].append(text)
        else: self.kept.append({"output_type": "stream", "name": name, "text": [text]})
        return size

    def show(self, kind, data, shown=None):
        """Keep a rich output, a dict of MIME types, where there is room for it, in place of `shown`, what an earlier
        call gave; returns it."""
        size = sum(len(kind) + len(text) for kind, text in data.items())
        if size > self.left or shown is None and len(self.kept) >= RICH:
            self.add("stderr", "a rich output was left out: too much of it\n")
        else:
            self.left -= size
            if shown is None: self.kept.append(shown := {"output_type": kind})
            shown["data"] = data
        return shown

    def done(self): return [{k: "".join(v) if k == "text" else v for k, v in o.items()} for o in self.kept]


class Stderr(io.TextIOBase):
    encoding = "utf-8"
    def __init__(self, outputs): self.outputs = outputs
    def writable(self): return True
    def isatty(self): return False
    def write(self, text): return self.outputs.add("stderr", text)


def bundle(value):
    "The MIME bundle of a value, as Jupyter would ask for it; all of it text."
    data = {"text/plain": said(repr, value, 20_000)}
    if isinstance(value, type): return data
    for method, mime in REPRS.items():
        try:
            got = getattr(value, method)() if hasattr(value, method) else None
            if isinstance(got, tuple): got = got[0]
            if isinstance(got, bytes): got = base64.b64encode(got).decode()
            if isinstance(got, str): data[mime] = "".join([got])
        except BaseException: pass   # a repr that fails is left out, as in Jupyter
    return data


class Shell:
    "What `get_ipython()` gives."
    # libraries ask for these
    events, config = types.SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None), {}

    def __init__(self, run, capture): self.run, self.capture = run, capture

    def skip(self, what): print(f"skipped: {what}", file=sys.stderr)

    def run_line_magic(self, name, line, *_, **__):
        options = OPTIONS.match(line)[0]
        code = line[len(options):].strip()
        if name.startswith("pinfo"): return self.skip(f"{line.strip()}?")
        if name not in RUNS or not code or not parses(code): return self.skip(f"%{name} {line.strip()}")
        start = time.perf_counter()
        value = self.run(code)
        if name != "timeit": return value
        if "-o" in options.split():
            took = time.perf_counter() - start
            return types.SimpleNamespace(average=took, best=took, worst=took, stdev=0.0, all_runs=[took],
                                         timings=[took], loops=1, repeat=1)

    def run_cell_magic(self, name, line, cell):
        words = line.split()
        if name == "capture": return self.capture(cell, next((word for word in words if word.isidentifier()), None))
        if name in RUNS:
            setup = line[OPTIONS.match(line).end():]
            if name != "time" and parses(setup): self.run(setup)
            return self.run(cell)
        if name == "writefile" and words:
            with open(words[-1], "a" if "-a" in words else "w", encoding="utf-8") as file: file.write(cell)
            importlib.invalidate_caches()
        else: self.skip(f"%%{name} {line}")

    def magic(self, line): return self.run_line_magic(*line.lstrip("%").partition(" ")[::2])
    def system(self, command): self.skip(f"!{command}")
    def getoutput(self, command, **_): self.skip(f"!{command}"); return []


def as_python(source):
    """A cell's source as Python: magics, shell lines and help rewritten by IPython; as it is where nothing of the
    kind is in it."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if AUTO.match(source.strip("\n")): source = "%" + source.strip()
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError: return source   # then there is no Jupyter here either
    return TransformerManager().transform_cell(source)


def parsed(source):
    "The syntax tree of a student's cell and its text; SyntaxError."
    try: return compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | AWAIT, dont_inherit=True), source
    except SyntaxError:
        changed = as_python(source)
        return compile(changed, "<cell>", "exec", ast.PyCF_ONLY_AST | AWAIT, dont_inherit=True), changed


def parses(source):
    "Whether `source` is Python, perhaps with magics."
    try: parsed(source)
    except SyntaxError: return False
    return True


class Notebook:
    "A student's namespace and what the running cell shows."
    def __init__(self):
        self.module, self.outputs, self.shell = (types.ModuleType("__main__"), Outputs(0),
                                                 Shell(self.nested, self.capture))
        self.names, self.futures = vars(self.module), 0
        self.shell.user_ns = self.names
        self.names.update(__builtins__=builtins, get_ipython=lambda: self.shell, display=self.display, In=[""], Out={})
        sys.modules["__main__"] = self.module
        sys.breakpointhook = lambda *_, **__: self.shell.skip("breakpoint()")
        pdb.set_trace = lambda *_, **__: self.shell.skip("pdb.set_trace()")
        try:
            import IPython
            import IPython.core.display_functions as there
            import IPython.display as here
            there.display = here.display = self.display
            IPython.get_ipython = self.names["get_ipython"]
        except ImportError: pass   # then student code cannot import it either

    def fresh(self, most):
        "Begin a cell that may show `most` characters; nobody types."
        self.outputs = Outputs(most)
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(""), self.outputs, self.outputs.stderr
        if plt := sys.modules.get("matplotlib.pyplot"): plt.show = lambda *_, **__: self.figures()

    def display(self, *things, raw=False, display_id=None, **_):
        shown = None
        for thing in things:
            if raw and isinstance(thing, dict): data = {said(str, k): said(str, v, 10**7) for k, v in thing.items()}
            else: data = bundle(thing)
            shown = self.outputs.show("display_data", data)
        if display_id is None: return
        return types.SimpleNamespace(display_id=said(str, display_id), display=self.display,
                                     update=lambda thing, **_: self.outputs.show("display_data", bundle(thing), shown)
                                     and None)

    def figures(self):
        "Show and close the figures that a cell left open, as the inline backend does."
        plt = sys.modules.get("matplotlib.pyplot")
        if not plt: return
        try:
            for number in plt.get_fignums()[:10]:
                plt.figure(number).savefig(png := io.BytesIO(), format="png", dpi=60)
                self.outputs.show("display_data",
                                  {"text/plain": "<Figure>", "image/png": base64.b64encode(png.getvalue()).decode()})
            plt.close("all")
        except Exception as e: print(f"a figure was left out: {type(e).__name__}", file=sys.stderr)

    def execute(self, tree, name):
        "Run a cell's tree in the student's namespace; its last expression's value, or None."
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        value = None
        for part, mode in ((tree, "exec"), (last and ast.Expression(last.value), "eval")):
            if part is None: continue
            code = compile(part, name, mode, AWAIT | self.futures, dont_inherit=True)
            self.futures |= code.co_flags & FUTURE   # they last for the cells that follow
            value = eval(code, self.names)
            if code.co_flags & CO_COROUTINE: value = asyncio.run(value)
        return value

    def nested(self, source):
        "What a magic such as %time runs."
        return self.execute(parsed(source)[0], "<cell in a magic>")

    def capture(self, source, name):
        "What %%capture runs: its outputs are `name`'s, not the cell's."
        before = self.outputs
        self.fresh(before.left)
        try: self.execute(parsed(source)[0], "<cell in a magic>")
        finally:
            kept, self.outputs, sys.stdout, sys.stderr = self.outputs.done(), before, before, before.stderr
            text = {stream: "".join(o["text"] for o in kept if o.get("name") == stream)
                    for stream in ("stdout", "stderr")}
            rich = [o["data"] for o in kept if "data" in o]

            def show():   # again what was captured
                print(text["stdout"], end="")
                print(text["stderr"], end="", file=sys.stderr)
                self.display(*rich, raw=True)
            if name: self.names[name] = types.SimpleNamespace(**text, outputs=rich, show=show)

    def run(self, name, source):
        "Run a student's cell as Jupyter would; tracebacks and `inspect` call it `name`."
        tree, source = parsed(source)
        linecache.cache[name] = len(source), None, source.splitlines(True), name
        value = self.execute(tree, name)
        if value is not None and not source.rstrip().endswith(";"):
            self.names["_"] = value
            self.outputs.show("execute_result", bundle(value))
        self.figures()
