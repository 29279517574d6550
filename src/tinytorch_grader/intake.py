"""Bytes of strangers in, a notebook of ours out: the trusted one, with the student's code and answers at their places.

Threat: a file that is no file, no end, no notebook, or a notebook that lies about its cells, tests, points and tags. The file is read
without following a link or opening a device, within limits on size and depth. Of the student's notebook only the source of the solution
cells, the manual answers and the extra code cells survive; everything else is the trusted source's.
"""
import hashlib
import json
import os
import random
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from .notebook import Part, Trusted, about, squeezed, text, without_regions  # noqa: F401

MOST_BYTES = 20 * 2**20
MOST_DEPTH = 64       # levels of nesting in the file
MOST_CELLS = 2000
MOST_SOURCE = 200_000  # characters of one cell
IMPORT = re.compile(r"(import [\w., ]+|from [\w.]+ import [\w.,* ]+)(#.*)?$")   # of a name, on a line of its own


class Invalid(ValueError):
    "A submission that cannot be graded; the message says in one line what came, what was expected, what to do."


@dataclass
class Submission:
    "What a student contributed: cells and manual answers by grade_id, extras (index of the trusted cell before, source), oddities."
    cells: dict = field(default_factory=dict)
    extras: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    sha256: str = ""
    manual: dict = field(default_factory=dict)
    python: str = ""   # the version that the notebook was last saved with, as it says


def storable(source):
    "`source` as text that Python, UTF-8 and a database can hold."
    return source.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def added_imports(source, given):
    "The lines of `source` that `given` lacks, where all of them are imports; else an empty text."
    known = {line.strip() for line in given.split("\n")}
    added = [line.rstrip() for line in source.split("\n") if line.strip() not in known and line.strip()[:1] not in ("", "#")]
    return "\n".join(added) if all(map(IMPORT.match, added)) else ""


def joined(answer, more):
    "A written answer and more of it."
    return "\n\n".join(text for text in (answer, more) if squeezed(text)) if squeezed(answer) != squeezed(more) else answer


def size(count):
    "A number of bytes, for a sentence."
    return next(f"{count / most:.3g} {unit}" for most, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes")) if count >= most)


def fetch(path):
    "The bytes of the regular file `path`; Invalid for a link, a device, a pipe, a folder, or too many of them."
    path = Path(path)
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"): flags |= getattr(os, name, 0)   # those that this system has
    try:
        if path.is_symlink(): raise Invalid(f"{path.name} is a symbolic link, expected the notebook itself; hand in the file")
        kind = os.lstat(path).st_mode
        if not stat.S_ISREG(kind):
            raise Invalid(f"{path.name} is a {'folder' if stat.S_ISDIR(kind) else 'device or a pipe'}, expected a notebook; hand in the file")
        with open(os.open(path, flags), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode): raise Invalid(f"{path.name} is no regular file, expected a notebook; hand in the file")
            if state.st_size > MOST_BYTES:
                raise Invalid(f"{path.name} has {size(state.st_size)}, expected at most {size(MOST_BYTES)}; "
                              "clear its outputs and hand it in again")
            data = file.read(MOST_BYTES + 1)
    except OSError as e:
        raise Invalid(f"{path.name} cannot be read ({e.strerror}); expected a notebook file") from None
    if len(data) > MOST_BYTES: raise Invalid(f"{path.name} grows while it is read, expected at most {size(MOST_BYTES)}")
    return data


def depth_of(value):
    "Levels of nesting in a JSON value, counted without recursion."
    level, depth = [value], 0
    while level := [member for v in level if isinstance(v, (dict, list)) for member in (v.values() if isinstance(v, dict) else v)]:
        depth += 1
        if depth > MOST_DEPTH: break
    return depth


def parse(data, name):
    "The cells of the notebook in `data`, its Python's version, and notes; Invalid for anything that is none."
    again = "open it in Jupyter, save it and hand it in again"
    if not data.strip(): raise Invalid(f"{name} is empty, expected a notebook; {again}")
    try: source = data.decode("utf-8-sig")
    except UnicodeDecodeError as e: raise Invalid(f"{name} is not UTF-8 (byte {e.start}), expected a notebook; {again}") from None
    whole = lambda digits: int(digits) if len(digits) < 20 else None
    try: notebook = json.loads(source, parse_int=whole, parse_constant=lambda word: None)
    except RecursionError: raise Invalid(f"{name} is nested too deeply, expected at most {MOST_DEPTH} levels; {again}") from None
    except ValueError as e: raise Invalid(f"{name} is not JSON ({e}), expected a notebook; {again}") from None
    if depth_of(notebook) > MOST_DEPTH: raise Invalid(f"{name} is nested too deeply, expected at most {MOST_DEPTH} levels; {again}")
    if not isinstance(notebook, dict): raise Invalid(f"{name} holds a {type(notebook).__name__}, expected a notebook; {again}")
    notes, cells = [], notebook.get("cells")
    if isinstance(notebook.get("worksheets"), list):   # nbformat 3
        cells = [cell for sheet in notebook["worksheets"] if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
                 for cell in sheet["cells"]]
        cells = [{**cell, "source": cell.get("input", cell.get("source"))} for cell in cells if isinstance(cell, dict)]
    if notebook.get("nbformat") != 4: notes.append(f"nbformat: got {notebook.get('nbformat')!r:.40}, expected 4; read as far as it goes")
    if not isinstance(cells, list): raise Invalid(f"{name} has no list of cells, expected a notebook; {again}")
    if len(cells) > MOST_CELLS: raise Invalid(f"{name} has {len(cells)} cells, expected at most {MOST_CELLS}; remove those you added")
    kernel = notebook.get("metadata")
    kernel = kernel.get("kernelspec") if isinstance(kernel, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python": notes.append(f"kernel: got language {language!r:.40}, expected python; run as Python 3")
    saved = notebook.get("metadata")
    saved = saved.get("language_info") if isinstance(saved, dict) else None
    python = re.match(r"3\.\d{1,3}(?!\d)", str(saved.get("version"))) if isinstance(saved, dict) else None
    return [cell for cell in cells if isinstance(cell, dict)], python[0] if python else "", notes


def listed(names):
    "Names for a note, the first few."
    names = [str(name)[:60] for name in names]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def read(path, trusted):
    "The Submission in the file `path`; Invalid when nothing in it can be graded."
    path = Path(path)
    data = fetch(path)
    cells, python, notes = parse(data, path.name)
    submission = Submission(notes=notes, sha256=hashlib.sha256(data).hexdigest(), python=python)
    places, twice, retyped, unreadable, too_long, schemas = [], [], [], [], [], set()
    changed, replaced, imported, copied, together = [], [], [], [], []
    at, answering = trusted.start, None
    for cell in cells:
        source, index = text(cell.get("source")), trusted.place(cell)
        mark, is_code = about(cell), cell.get("cell_type") == "code"
        if mark and mark.get("schema_version") != 3: schemas.add(str(mark.get("schema_version"))[:20])
        if index is None:
            if is_code and source and source.strip(): submission.extras.append((at, source))
            if is_code: answering = None
            elif answering and cell.get("cell_type") == "markdown" and source and squeezed(source) not in trusted.texts | {""}:
                submission.manual[answering] = joined(submission.manual[answering], storable(source))[:MOST_SOURCE]
                together.append(answering)
            continue
        at, role, grade_id = max(index, trusted.start), trusted.roles[index], trusted.grade_id(index)
        again, answering = index in places, None
        places.append(index)
        if role in ("given", "test", "demo"):
            if not is_code or not source or not source.strip() or squeezed(source) in trusted.given[index]: continue
            added = source if again or role == "demo" else added_imports(source, trusted.source(index)) if role == "given" else ""
            (changed if role == "demo" else copied if again else imported if added else replaced).append(grade_id)
            if added: submission.extras.append((at, added))
        if role not in ("solution", "manual"): continue
        if source is None: unreadable.append(grade_id)
        elif role == "manual":
            answering, before = grade_id, submission.manual.get(grade_id, "")
            submission.manual[grade_id] = joined(before, storable(source))[:MOST_SOURCE] if again else storable(source)[:MOST_SOURCE]
            if again and submission.manual[grade_id] not in (before, source): together.append(grade_id)
        elif not is_code: retyped.append(grade_id)
        elif len(source) > MOST_SOURCE: too_long.append(grade_id)
        elif grade_id in submission.cells:
            twice.append(grade_id)
            submission.extras.append((at, source))
        else: submission.cells[grade_id] = storable(source)
    if not places: raise Invalid(f"{path.name} has none of this assignment's cells; hand in the notebook that you were given, filled in")
    too_long += ["of your own" for _, source in submission.extras if len(source) > MOST_SOURCE]
    submission.extras = [(index, storable(source)) for index, source in submission.extras if len(source) <= MOST_SOURCE]
    wanted = [trusted.grade_id(i) for i, role in enumerate(trusted.roles) if role == "solution"]
    missing = [grade_id for grade_id in wanted if grade_id not in submission.cells]
    missing = [grade_id for grade_id in missing if grade_id not in retyped + unreadable + too_long]
    for names, note in ((twice, "there more than once; each was run, the last one counts"),
                        (retyped, "no code cells any more; they count as empty"), (unreadable, "without text; they count as empty"),
                        (missing, "missing; restore them from the notebook you were given"),
                        (too_long, f"longer than {MOST_SOURCE} characters; they were left out"),
                        (changed, "demonstrations that were changed; they were run as extra cells"),
                        (copied, "copies of given cells; they were run as extra cells"),
                        (imported, "given cells with imports added; these were run after them"),
                        (replaced, "given cells and tests that were changed; the assignment's own were run"),
                        (list(dict.fromkeys(together)), "written in several cells; all of it was put into one for whoever marks it")):
        if names: notes.append(f"cells {listed(names)}: {note}")
    if schemas: notes.append(f"got {listed(sorted(schemas))} as nbgrader schema version, expected 3; the cells were read all the same")
    first = list(dict.fromkeys(places))
    if first != sorted(first): notes.append("cells are in another order than in the assignment; they were run in its order")
    return submission


def merged(trusted, submission):
    "(role, id, source, index of the trusted cell or None) of every cell of the rebuilt notebook, in order."
    after = {}
    for index, source in submission.extras: after.setdefault(index, []).append(source)
    count = 0
    for index in range(-1, len(trusted.roles)):
        if index >= 0:
            role, name, source = trusted.roles[index], trusted.grade_id(index), trusted.source(index)
            if role == "solution": source = submission.cells.get(name, "")
            if role == "manual": source = submission.manual.get(name, "")
            yield role, name, source, index
        for source in after.get(index, ()):
            count += 1
            yield "extra", f"extra-{count}", source, None


def job(trusted, submission, seed):
    """What a sandbox runs: the trusted cells, the student's and the tests in order, known-wrong answers at places that `seed` draws.

    Steps are {"id", "role", "source"}, a known-wrong answer's also {"answers"}, code to be put in place of the student's.
    """
    rng, steps = random.Random(seed), []
    for role, name, source, index in merged(trusted, submission):
        if role not in ("given", "solution", "extra", "test") or not source.strip(): continue
        step = {"id": name, "role": role, "source": source}
        around = [step]
        for n, answers in enumerate(trusted.wrong.get(name, ()) if role == "test" else ()):
            if rng.random() < SHARE:
                around.insert(rng.randrange(len(around) + 1), {**step, "id": f"{name}!{n}", "answers": answers})
        steps += around
    return {"seed": seed, "steps": steps}


SHARE = 0.5   # of the known-wrong answers, how many one submission meets


def rebuilt(trusted, submission, outcome):
    "The trusted notebook, whose metadata it shares, with the student's cells, answers and outputs; tests show their failure alone."
    notebook = {**trusted.notebook, "cells": []}
    for role, name, source, index in merged(trusted, submission):
        cell = trusted.notebook["cells"][index] if index is not None else {
            "cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": []}
        cell = {**cell, "source": source}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = list(outcome.steps.get(name, {}).get("outputs", [])), None
        notebook["cells"].append(cell)
    return notebook
