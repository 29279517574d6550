"""The submissions of tests/attacks/ as files of a course: one Python file an attack,
and what it is expected to come to.

A file is a cell to run in place of the first solution cell, or of the one that `# cell:` names, in a notebook whose
other solution cells are empty; or it defines `submit(path, notebook)`, which hands in what it likes. `# status:` lists
the statuses it may end in (default: graded). COURSE stands for the course's folder, 987654 for a number that marks
this run's processes.
"""
import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import submissions
from submissions import notebook, solutions

from tinytorch_grader import mistakes

FOLDER = Path(__file__).resolve().parents[1] / "attacks"
NAME = "20_capstone"


@dataclass(frozen=True)
class Attack:
    "One attack: its name, what it tries, the statuses it may end in, its source, the cell it replaces."
    name: str
    tries: str
    statuses: tuple
    source: str
    cell: str

    @property
    def hands_in(self): return "\ndef submit(" in "\n" + self.source


def attacks():
    "Every attack, by name."
    for path in sorted(FOLDER.glob("*_*.py")):
        lines = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        words = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines
                 if re.match(r"(status|cell): ", line)}
        tries = next(line for line in lines if not re.match(r"(status|cell): ", line))
        yield Attack(path.stem, tries, tuple(words.get("status", "graded").split()), path.read_text(encoding="utf-8"),
                     words.get("cell", "part1-model"))


def mistaken():
    """Every solution cell of the reference with all the known mistakes that go together:
    plausible code that earns next to nothing."""
    found = solutions()
    for path in sorted(mistakes.FOLDER.glob("*/*.diff")):
        cell, diff = path.parent.name, path.read_text(encoding="utf-8")
        if "\n# seconds: " in diff: continue   # tried in real time: seconds of sleep in each check
        with contextlib.suppress(ValueError): found[cell] = mistakes.patched(found[cell], diff, path.name)
    return found


def hand_in(course, attack, student, marker, changes=None, base=None):
    """Put `attack` into `submitted/` of `course` as `student`'s work; `base`:
    solutions instead of empty cells, beside which the attack's cell runs."""
    folder = Path(course, "submitted", student, NAME)
    folder.mkdir(parents=True)
    path, source = folder / f"{NAME}.ipynb", attack.source.replace("COURSE", str(course)).replace("987654", marker)
    empty = dict.fromkeys(solutions(), "")
    if attack.hands_in:
        tools = {"json": json, "os": os, "Path": Path,
                 "write": lambda path, notebook: path.write_text(json.dumps(notebook))}
        exec(compile(source, attack.name, "exec"), tools)
        tools["submit"](path, notebook(empty))
    elif base: submissions.save(folder, notebook(base, before={attack.cell: [source]}))
    else: submissions.save(folder, notebook(empty | {attack.cell: source}))
    return path
