"""Tests that only the student's process can run, found by the assignment's own solution.

Threat: a test written for one process fails honest work across the line, since it reads a file that the student's code
wrote, captures what it prints, replaces `input`, or looks whether a list was changed. So the reference solution is run
first. What it fails across the line and passes beside the student's code runs there for everyone, in the same cage;
such a test a submission can read and forge, as in stock nbgrader, and `grade` says which ones they are.
"""
import contextlib
import json

from .gradebook import put
from .intake import Job, Step, listed
from .mutants import digest
from .notebook import BESIDE

RIGHT = {"given": "given", "tools": "tools", "solution": "solution", "manual": "solution", "test": "test"}


def failing(box, trusted, beside):
    "The tests that the trusted notebook's own solution fails while those of `beside` run in the student's process."
    trusted.beside = beside
    cells = [(trusted.grade_id(i), role, trusted.source(i)) for i, role in enumerate(trusted.roles) if role in RIGHT
             and trusted.notebook["cells"][i]["cell_type"] == "code" and trusted.source(i).strip()]
    steps = [Step(name, trusted.runs(RIGHT[role], name), source) for name, role, source in cells]
    verdicts = box.run(Job(20, steps)).verdicts
    return {step.id for step in steps if step.role in ("test", "beside")
            and (step.id not in verdicts or not verdicts[step.id].ok)}


def found(box, trusted):
    "(the tests to run in the student's process, those that the solution fails there too)."
    beside = set()
    while not (wrong := failing(box, trusted, beside)) <= beside: beside = beside | wrong
    every = {part.grade_id for part in trusted.parts if not part.manual}
    if wrong and (rest := failing(box, trusted, every)) < wrong: beside, wrong = every, rest
    return beside - wrong, wrong


def settled(book, name, path, work):
    """The source of the notebook `name` at `path` with its tests told apart, and what to say of them; asked again
    when the assignment or the examiner changes."""
    known = book.root / "_releases" / book.assignment / name / f"beside-{'cage' if work.sandbox else 'bare'}.json"
    now, said = digest(path, book.root / "mistakes" / book.assignment, work.files), {}
    with contextlib.suppress(OSError, ValueError): said = json.loads(known.read_text(encoding="utf-8"))
    if said.get("digest") != now:
        with work.cages(1) as box: beside, wrong = found(box, work.trusted())
        said = {"digest": now, "beside": sorted(beside), "wrong": sorted(wrong)}
        put(known, json.dumps(said))
    notes = []
    if said["beside"]:
        tests, them = ("tests run", "them") if len(said["beside"]) > 1 else ("test runs", "it")
        notes.append(f"{path.name}: {len(said['beside'])} {tests} in the student's process, where a submission can "
                     f"forge {them}: {listed(said['beside'])} (the list: {known.relative_to(book.root)})")
    if said["wrong"]: notes.append(f"{path.name}: its own solution fails {listed(said['wrong'])}")
    notebook = json.loads(work.source)
    notebook["metadata"][BESIDE] = said["beside"]
    return json.dumps(notebook).encode(), notes
