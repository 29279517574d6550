"""Export every notebook to `tinytorch/` without nbgrader's markers, then write the JSON Schema beside it.

The one way to export: `nbdev_export` alone would leave `### BEGIN SOLUTION` lines in the package.
"""
import importlib.util
import json
import re
from pathlib import Path

import nbdev.export
from nbdev.config import get_config
from nbdev.doclinks import nbdev_export

ROOT = Path(__file__).resolve().parents[2]
MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


def strip_markers(cell):
    "An nbdev export processor: drop the solution markers from a code `cell`."
    if cell.cell_type == "code":
        cell.source = MARKER.sub("", cell.source)


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
    nbdev.export.strip_markers = strip_markers  # nbdev looks its processors up by name in this module
    nbdev_export(procs="strip_markers")
    write_schema()
