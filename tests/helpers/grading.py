"""A small nbgrader course for tests of the grader: two functions, two tests, one question, 10 points."""
import atexit
import contextlib
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from warm import commands

from tinytorch_grader import release

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "20_capstone"
RIGHT = {"double": "def double(x):\n    return 2 * x", "half": "def half(x):\n    return x / 2",
         "why": "Because it is so."}
WRONG = "def half(x):\n    return 2 / x"
needs_cage = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed: run `make system`")


def cell(grade_id, source, points=None, solution=False, make=new_code_cell):
    data = {"grade_id": grade_id, "grade": points is not None, "locked": not solution, "schema_version": 3,
            "solution": solution, "task": False}
    found = make(source, metadata={"nbgrader": data | ({"points": points} if points is not None else {})})
    found["id"] = grade_id
    return found


def source_notebook():
    "The trusted notebook, with solutions and hidden tests."
    hidden = lambda line: f"### BEGIN HIDDEN TESTS\n{line}\n### END HIDDEN TESTS"
    solution = (lambda name: RIGHT[name].replace("    return", "    ### BEGIN SOLUTION\n    return")
                + "\n    ### END SOLUTION")
    notebook = new_notebook(cells=[
        cell("given", "import random, time"),
        cell("double", solution("double"), solution=True),
        cell("double-check", f"assert double(2) == 4\n{hidden('assert double(3) == 6, chr(39) * 2')}", 2),
        cell("half", solution("half"), solution=True),
        cell("half-check", "assert half(2) == 1\n"
             f"{hidden('n = random.randint(5, 99); assert half(2 * n) == n, str(half(2 * n))')}", 3),
        cell("why", RIGHT["why"], 5, solution=True, make=new_markdown_cell)])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return notebook


@functools.cache
def template(source=None):
    "A course of `source` (a path; None: the capstone) that this process copies: nbgrader takes seconds to make one."
    folder = tempfile.TemporaryDirectory(prefix="template-")
    atexit.register(folder.cleanup)
    return release.make_course(Path(folder.name) / "course", source)


@functools.cache
def small_source():
    "The path of a file with `source_notebook()`, there as long as this process."
    folder = tempfile.TemporaryDirectory(prefix="small-")
    atexit.register(folder.cleanup)
    nbformat.write(source_notebook(), Path(folder.name) / "small.ipynb")
    return Path(folder.name) / "small.ipynb"


def make_course(folder, more=()):
    """An nbgrader course of `source_notebook()` and the cells `more` in `folder`,
    made by `capstone course`'s own function."""
    if not more: return shutil.copytree(template(small_source()), folder / "course")
    notebook = source_notebook()
    notebook.cells += more
    nbformat.write(notebook, folder / "small.ipynb")
    return release.make_course(folder / "course", folder / "small.ipynb")


def capstone_course(folder):
    "The capstone's own course in `folder`, made by `capstone course`'s own function."
    return shutil.copytree(template(), folder)


def hand_in(course, student, timestamp=None, **answers):
    "Put a submission into `submitted/`: the released notebook with `answers` by grade_id; returns its path."
    notebook = nbformat.read(course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    for part in notebook.cells:
        part.source = answers.get(part.metadata.get("nbgrader", {}).get("grade_id", "").replace("-", "_"), part.source)
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    if timestamp: (folder / "timestamp.txt").write_text(timestamp)
    nbformat.write(notebook, folder / f"{ASSIGNMENT}.ipynb")
    return folder / f"{ASSIGNMENT}.ipynb"


@functools.cache
def warm():
    """An environment in which `capstone` and `nbgrader` are forks of a process that has imported both;
    it ends with this one."""
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(commands(stack.enter_context(tempfile.TemporaryDirectory(prefix="warm-"))))
        atexit.register(stack.pop_all().close)
    return made


def capstone(*words, **more):
    """Run the command `capstone`, with its own `env` as a process of its own;
    the CompletedProcess with its output as text."""
    command, env = (([sys.executable, "-m", "tinytorch_grader"], {}) if "env" in more
                    else (["capstone"], {"env": warm()}))
    return subprocess.run([*command, *map(str, words)], capture_output=True, text=True, timeout=300,
                          **{"cwd": ROOT} | env | more)


def nbgrader(course, *words):
    "Run the stock command `nbgrader` in the course; the CompletedProcess."
    env = warm() | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(["nbgrader", *map(str, words)], cwd=course, capture_output=True, text=True, timeout=600,
                          env=env)


def gradebook(course):
    "{student: {...}} of what nbgrader's own API reads from the course's gradebook."
    from nbgrader.api import Gradebook
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {s.student.id: {"score": s.score, "manual": s.needs_manual_grade, "timestamp": s.timestamp,
                               "late": s.late_submission_penalty, "failed": s.notebooks[0].failed_tests,
                               "grades": {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade, g.failed_tests,
                                                   g.max_score)
                                          for g in s.notebooks[0].grades},
                               "comments": {c.name: (c.auto_comment, c.manual_comment)
                                            for c in s.notebooks[0].comments}}
                for s in book.assignment_submissions(ASSIGNMENT)}


def grades(path):
    "{student: row} of a file that --json wrote."
    return {row["student"]: row for row in json.loads(Path(path).read_text())["submissions"]}
