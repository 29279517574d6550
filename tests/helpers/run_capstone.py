"""Run the code cells of the reference notebook in one plain Python process:
`python run_capstone.py REQUEST`, JSON in and out.

REQUEST: {"block": [modules that cannot be imported], "demo": whether demo cells run, "then": code to run last}.
The answer, last line of stdout: {"cells": [{"id", "points", "demo", "out", "error"}], "result":
what `then` left in `result`}.
"""
import contextlib
import io
import json
import linecache
import os
import subprocess
import sys
import types
from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parents[2] / "20_capstone.ipynb"
os.environ.setdefault("MPLBACKEND", "Agg")


class Blocker:
    "Makes modules look as if they were not there."
    def __init__(self, names): self.names = set(names)

    def find_spec(self, name, path=None, target=None):
        if name in self.names: raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def run(source, filename, scope):
    "(what it printed, its error or None). Source can be found again by `inspect`, as in Jupyter."
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(source, filename, "exec"), scope)
    except Exception as error:
        return out.getvalue(), f"{type(error).__name__}: {error}"
    return out.getvalue(), None


def main(request):
    sys.meta_path.insert(0, Blocker(request.get("block", [])))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    sys.path.append(str(NOTEBOOK.parent))   # where capstone_checks.py lies, as it does beside the notebook
    sys.modules["__main__"] = types.ModuleType("__main__")   # the namespace of a notebook
    scope, answer = vars(sys.modules["__main__"]), []
    for number, cell in enumerate(cells):
        demo = "demo" in cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code" or demo and not request.get("demo"): continue
        out, error = run("".join(cell["source"]), f"<cell {number}>", scope)
        meta = cell["metadata"].get("nbgrader", {})
        answer.append({"id": meta.get("grade_id", cell["id"]), "points": meta.get("points", 0), "demo": demo,
                       "out": out, "error": error})
    out, error = run(request.get("then", ""), "<then>", scope)
    return {"cells": answer, "result": scope.get("result"), "error": error}


def ask(folder, path=None, **request):  # where it runs; `TINYTORCH_PATH` or None
    "The answer of a fresh process to `request`."
    environment = ({name: value for name, value in os.environ.items() if name != "TINYTORCH_PATH"}
                   | ({"TINYTORCH_PATH": str(path)} if path else {}))
    done = subprocess.run([sys.executable, __file__, json.dumps(request)], capture_output=True, text=True, cwd=folder,
                          env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
