"""Export every notebook to `tinytorch/` without nbgrader's markers, then write the JSON Schema beside it.

The one way to export: `nbdev_export` alone would leave `### BEGIN SOLUTION` lines in the package, comments on
parameters where `help()` does not look, and a second `__all__`.
"""
import importlib.util
import json
import re
from pathlib import Path

import docments
import nbdev.export
from nbdev.config import get_config
from nbdev.doclinks import nbdev_export

ROOT = Path(__file__).resolve().parents[2]
ALL = re.compile(r"^__all__ = ", re.MULTILINE)
MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?|^#\| given: .*\n", re.MULTILINE)


def strip_markers(cell):
    """An nbdev export processor: drop the solution markers, and the line that says what a folded cell holds, from a
    `cell`."""
    if cell.cell_type == "code":
        cell.source = MARKER.sub("", cell.source)


def document(cell):
    "An nbdev export processor: what the parameters' comments say goes into the docstrings too."
    if cell.cell_type == "code" and "export" in (cell.directives_ or {}):
        cell.source = docments.rendered(cell.source)


def keep_one_all(path):
    "Drop the `__all__` that nbdev made of every public name where the notebook says itself what is public."
    text = path.read_text(encoding="utf-8")
    if len(ALL.findall(text)) == 2:
        path.write_text(re.sub(r"# %% auto #0\n__all__ = \[.*?\]\n\n", "", text, count=1, flags=re.DOTALL),
                        encoding="utf-8")


def write_schema():
    "Write `tinytorch/submission.schema.json` from the dict in the exported module."
    path = ROOT / "tinytorch" / "olympics.py"
    if not path.exists():
        return
    spec = importlib.util.spec_from_file_location("tinytorch.olympics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = json.dumps(module.SUBMISSION_SCHEMA, indent=2, ensure_ascii=False)
    (ROOT / "tinytorch" / "submission.schema.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    assert get_config().config_path == ROOT, f"run from {ROOT}: found {get_config().config_path}"
    # nbdev looks its processors up by name in this module
    nbdev.export.strip_markers, nbdev.export.document = strip_markers, document
    nbdev_export(procs=["strip_markers", "document"])
    for module in sorted((ROOT / "tinytorch").rglob("*.py")):
        keep_one_all(module)
    write_schema()
