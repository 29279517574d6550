"""Bytes of strangers in, a notebook of ours out: the trusted one, with the student's code and answers at their
places.

Threat: a file that is no file, no end, no notebook, or a notebook that lies about its cells, tests, points and tags.
The file is read without following a link or opening a device, within limits on size and depth. Of the student's
notebook only the source of the solution cells, the manual answers and the extra code cells survive; everything else
is the trusted source's.
"""
import ast
import functools
import hashlib
import json
import os
import re
import stat
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from .notebook import BESIDE, Part, Trusted, about, squeezed, text, without_regions  # noqa: F401
from .visible import visible

MOST_BYTES = 20 * 2**20
MOST_DEPTH = 64       # levels of nesting in the file
MOST_CELLS = 2000
MOST_SOURCE = 200_000  # characters of one cell
PICTURES = "image/png", "image/jpeg", "image/gif"
PICTURE_BYTES = 8 * 2**20   # of the pictures attached to one cell, encoded
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
MARKUP = re.compile(r"%%(markdown|md|html|latex)\b")   # cells of code whose text is no code
SENTENCE = 5   # words from which on something written in code may be an answer
IMPORT = re.compile(r"(import [\w., ]+|from [\w.]+ import [\w.,* ]+)(#.*)?$")   # of a name, on a line of its own


class Invalid(ValueError):
    "A submission that cannot be graded; the message says in one line what came, what was expected, what to do."


@dataclass(frozen=True)
class Step:
    "One cell to run: its id; given, tools, solution, extra, test or beside (a test in the student's process); source."
    id: str
    role: str
    source: str


@dataclass(frozen=True)
class Job:
    "What one submission's run takes: the seed of its tests, its Steps in order."
    seed: int
    steps: list


@dataclass
class Submission:
    """What a student contributed: cells and manual answers by grade_id, extras (index of the trusted cell before,
    source), oddities."""
    cells: dict = field(default_factory=dict)
    extras: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    sha256: str = ""
    manual: dict = field(default_factory=dict)
    pictures: dict = field(default_factory=dict)   # {grade_id of a manual answer: {name: {mime: base64}}}
    python: str = ""   # the version that the notebook was last saved with, as it says
    release: str = ""  # digest of the release that the student worked on


def storable(source):
    "`source` as text that Python, UTF-8 and a database can hold."
    return source.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def added_imports(source, given):
    "The lines of `source` that `given` lacks, where all of them are imports; else an empty text."
    known = {line.strip() for line in given.split("\n")}
    added = [line.rstrip() for line in source.split("\n") if line.strip() not in known
             and line.strip()[:1] not in ("", "#")]
    return "\n".join(added) if all(map(IMPORT.match, added)) else ""


def joined(answer, more):
    "A written answer and more of it."
    return ("\n\n".join(text for text in (answer, more) if squeezed(text)) if squeezed(answer) != squeezed(more)
            else answer)


# open a stranger's file: follow no link, wait for no pipe; as far as this system knows how
READING = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def size(count):
    "A number of bytes, for a sentence."
    return next(f"{count / most:.3g} {unit}" for most, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes"))
                if count >= most)


def fetch(path):
    "The bytes of the regular file `path`; Invalid for a link, a device, a pipe, a folder, or too many of them."
    path = Path(path)
    try:
        if path.is_symlink():
            raise Invalid(f"{path.name} is a symbolic link, expected the notebook itself; hand in the file")
        kind = os.lstat(path).st_mode
        if not stat.S_ISREG(kind):
            raise Invalid(f"{path.name} is a {'folder' if stat.S_ISDIR(kind) else 'device or a pipe'}, expected a "
                          "notebook; hand in the file")
        with open(os.open(path, READING), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise Invalid(f"{path.name} is no regular file, expected a notebook; hand in the file")
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
    while level := [member for v in level if isinstance(v, (dict, list))
                    for member in (v.values() if isinstance(v, dict) else v)]:
        depth += 1
        if depth > MOST_DEPTH: break
    return depth


AGAIN = "open it in Jupyter, save it and hand it in again"


def decoded(data, name):
    "The JSON object in `data`; Invalid for anything else."
    if not data.strip(): raise Invalid(f"{name} is empty, expected a notebook; {AGAIN}")
    try: source = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Invalid(f"{name} is not UTF-8 (byte {e.start}), expected a notebook; {AGAIN}") from None
    whole = lambda digits: int(digits) if len(digits) < 20 else None
    deep = Invalid(f"{name} is nested too deeply, expected at most {MOST_DEPTH} levels; {AGAIN}")
    try: notebook = json.loads(source, parse_int=whole, parse_constant=lambda word: None)
    except RecursionError: raise deep from None
    except ValueError as e: raise Invalid(f"{name} is not JSON ({e}), expected a notebook; {AGAIN}") from None
    if depth_of(notebook) > MOST_DEPTH: raise deep
    if not isinstance(notebook, dict):
        raise Invalid(f"{name} holds a {type(notebook).__name__}, expected a notebook; {AGAIN}")
    return notebook


def cells_of(notebook, name):
    "The cells of a notebook, of format 3 too; Invalid where there is no list of them or too many."
    cells = notebook.get("cells")
    if isinstance(notebook.get("worksheets"), list):   # nbformat 3
        cells = [cell for sheet in notebook["worksheets"] if isinstance(sheet, dict)
                 and isinstance(sheet.get("cells"), list)
                 for cell in sheet["cells"]]
        cells = [{**cell, "source": cell.get("input", cell.get("source"))} for cell in cells if isinstance(cell, dict)]
    if not isinstance(cells, list): raise Invalid(f"{name} has no list of cells, expected a notebook; {AGAIN}")
    if len(cells) > MOST_CELLS:
        raise Invalid(f"{name} has {len(cells)} cells, expected at most {MOST_CELLS}; remove those you added")
    return [cell for cell in cells if isinstance(cell, dict)]


def parse(data, name):
    "The cells of the notebook in `data`, its Python's version, and notes; Invalid for anything that is none."
    notebook = decoded(data, name)
    notes, cells, metadata = [], cells_of(notebook, name), as_dict(notebook.get("metadata"))
    if notebook.get("nbformat") != 4:
        notes.append(f"nbformat: got {notebook.get('nbformat')!r:.40}, expected 4; read as far as it goes")
    language = as_dict(metadata.get("kernelspec")).get("language", "python")
    if language != "python": notes.append(f"kernel: got language {language!r:.40}, expected python; run as Python 3")
    python = re.match(r"3\.\d{1,3}(?!\d)", str(as_dict(metadata.get("language_info")).get("version")))
    return cells, python[0] if python else "", notes


def as_dict(value):
    "`value` where it is a dict, else an empty one."
    return value if isinstance(value, dict) else {}


def listed(names):
    "Names for a note, the first few."
    names = [visible(str(name))[:60] for name in names]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


@dataclass
class Prose:
    """Text of a student's own outside of the cells that ask for it: after which trusted cell it stands, whether one
    comes after it, and whether it stands in code, where it is an answer only if there is no other."""
    source: str
    before: int
    pictures: dict
    last: bool = True
    in_code: bool = False


def commented(source):
    "What a code cell says that holds nothing but comments, one string or prose; None for code."
    lines = [line.strip() for line in source.strip().split("\n")]
    if len(source) > MOST_SOURCE: return None
    if MARKUP.match(lines[0]): return "\n".join(source.strip().split("\n")[1:])
    if all(line[:1] in ("", "#") for line in lines): return "\n".join(line.lstrip("# ") for line in lines)
    tree = parsed(source)
    if tree is None: return source if spoken(source) else None
    only = tree.body[0].value if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) else None
    return only.value if isinstance(only, ast.Constant) and isinstance(only.value, str) else None


def parsed(source):
    "`source` as a syntax tree, or None."
    try:
        with warnings.catch_warnings(action="ignore"): return ast.parse(source.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError): return None


def spoken(source):
    "Whether `source`, which is no Python, reads like sentences."
    words = source.split()
    plain = sum(bool(re.fullmatch(r"[(\"']?[^\W\d_][^\W\d_'’-]*[.,;:!?)\"']*", word)) for word in words)
    return source.strip()[:1] not in "%!?@" and len(words) >= SENTENCE and plain >= 0.8 * len(words)


def asides(source):
    "The sentences in code: comments and strings of several words, docstrings excepted."
    said = [line.strip().lstrip("# ") for line in source.split("\n") if line.strip()[:1] == "#"]
    if len(source) <= MOST_SOURCE and (tree := parsed(source)):
        documented = {id(node.body[0].value) for node in ast.walk(tree)
                      if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
                      and isinstance(node.body[0], ast.Expr)}
        said += [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)
                 and isinstance(node.value, str) and id(node) not in documented]
    return "\n".join(one for one in said if len(one.split()) >= SENTENCE)


@functools.lru_cache(maxsize=8)
def known_asides(trusted):
    "The lines of the sentences in the assignment's own code, squeezed."
    code = [trusted.source(i) for i, role in enumerate(trusted.roles) if role != "text"]
    return {squeezed(line) for source in code for line in asides(source).split("\n")}


def pictures_of(cell):
    "({name: {mime: base64}} of the pictures attached to a cell, names of those that are none or too large)."
    found, refused, left = {}, [], PICTURE_BYTES
    attached = cell.get("attachments")
    for name, data in attached.items() if isinstance(attached, dict) else ():
        kept = ({mime: value for mime, value in data.items() if mime in PICTURES and isinstance(value, str)}
                if isinstance(data, dict) else {})
        size_of = sum(map(len, kept.values()))
        if kept and len(name) <= 200 and size_of <= left and all(BASE64.fullmatch(value) for value in kept.values()):
            found[storable(name)] = kept
        else: refused.append(name)
        left -= size_of if name in found else 0
    return found, refused


class Reading:
    "One pass over the cells of a student's notebook; `submission` is what it found."

    def __init__(self, trusted):
        self.trusted, self.submission, self.at, self.before, self.answering = trusted, Submission(), -1, -1, None
        self.places, self.twice, self.retyped, self.unreadable, self.too_long, self.schemas = [], [], [], [], [], set()
        self.changed, self.together, self.prose, self.foreign, self.refused, self.moved, self.cut = (
            [], [], [], 0, [], [], [])

    def take(self, cell):
        source, index, mark = text(cell.get("source")), self.trusted.place(cell), about(cell)
        if mark and mark.get("schema_version") != 3: self.schemas.add(str(mark.get("schema_version"))[:20])
        if index is None:
            self.foreign += isinstance(mark.get("grade_id"), str) and bool(mark.get("grade") or mark.get("solution"))
            self._own(cell, source)
            return
        self.at, role, again = index, self.trusted.roles[index], index in self.places
        self.before, self.answering = index, None
        self.places.append(index)
        if role == "manual": self._answer(index, cell, source, again)
        elif role == "solution": self._solution(index, cell, source)
        elif role == "text": self._lesson(index, cell, source)
        elif (cell.get("cell_type") == "code" and source and source.strip()
              and squeezed(source) not in self.trusted.given[index]):
            self.changed.append((index, source, again))
            self._aside(source, index)

    def _own(self, cell, source):
        "A cell that is none of ours: code to be run, or prose."
        if cell.get("cell_type") == "code":
            self.answering, said = None, commented(source or "")
            if said is None or not said.strip():
                if source and source.strip(): self.submission.extras.append((self.at, source))
                return self._aside(source or "", self.before)
        else: said = source
        if not said or squeezed(said) in self.trusted.texts | {""}:
            self.before = max(self.before, self.trusted.text_at.get(squeezed(said or ""), -1))
            return
        pictures, self.refused[len(self.refused):] = pictures_of(cell)
        if self.answering and cell.get("cell_type") == "markdown" and self.answering not in self.trusted.code_by_hand:
            self._join(self.answering, said, pictures)
            self.together.append(self.answering)
        elif own := self._beyond_texts(said): self.prose.append(Prose(own, self.before, pictures))

    def _aside(self, source, before):
        "Sentences in code that is not the assignment's."
        if own := self._own_asides(source): self.prose.append(Prose(own, before, {}, in_code=True))

    def _own_asides(self, source):
        known, said = known_asides(self.trusted), asides(source)
        return self._beyond_texts("\n".join(line for line in said.split("\n") if squeezed(line) not in known))

    def _lesson(self, index, cell, source):
        "A text of the lesson; what a student wrote into it is prose."
        if not source or squeezed(source) in self.trusted.texts | {""}: return
        if own := self._beyond_texts(source):
            pictures, self.refused[len(self.refused):] = pictures_of(cell)
            self.prose.append(Prose(own, index, pictures))

    def _beyond_texts(self, source):
        "The lines of `source` that no text of the lesson has."
        return "\n".join(line for line in source.split("\n") if not line.strip()
                         or "".join(line.split()) not in self.trusted.lines).strip()

    def _answer(self, index, cell, source, again):
        grade_id, answers = self.trusted.grade_id(index), self.submission.manual
        self.answering = grade_id
        pictures, self.refused[len(self.refused):] = pictures_of(cell)
        if source is None: self.unreadable.append(grade_id)
        elif index in self.trusted.tasks: answers[grade_id] = without_regions(self.trusted.source(index))
        elif not again:
            answers.setdefault(grade_id, "")
            self._join(grade_id, source, pictures)
        elif squeezed(source) != squeezed(answers.get(grade_id, "")):
            self.together += [grade_id] if squeezed(source) and squeezed(answers.get(grade_id, "")) else []
            self._join(grade_id, source, pictures)

    def _solution(self, index, cell, source):
        grade_id, cells = self.trusted.grade_id(index), self.submission.cells
        if source is None: self.unreadable.append(grade_id)
        elif cell.get("cell_type") != "code": self.retyped.append(grade_id)
        elif len(source) > MOST_SOURCE: self.too_long.append(grade_id)
        elif grade_id in cells:
            self.twice.append(grade_id)
            self.submission.extras.append((self.at, source))
        else: cells[grade_id] = storable(source)

    def _join(self, grade_id, more, pictures):
        "Put `more` and its pictures after what is there; a name that is taken is changed in both."
        have = self.submission.pictures.setdefault(grade_id, {})
        for name, picture in pictures.items():
            new = name
            while new in have and have[new] != picture: new = f"{len(have)}-{new}"
            have[new], more = picture, more.replace(f"attachment:{name}", f"attachment:{new}")
        if not have: del self.submission.pictures[grade_id]
        before = self.submission.manual.get(grade_id, "")
        whole = joined(before, storable(more)) if squeezed(before) else storable(more)
        if len(whole) > MOST_SOURCE: self.cut.append(grade_id)
        self.submission.manual[grade_id] = whole[:MOST_SOURCE]

    # ---- prose to where it is marked

    def _empty(self, index):
        return index in self.trusted.tasks or not squeezed(self.submission.manual.get(self.trusted.grade_id(index), ""))

    def _near(self, prose):
        """The manual cell that `prose` stands beside, with no code of the assignment between, or None; an empty one
        before a full one."""
        beside = [index for index in self.trusted.manual
                  if self.trusted.around[index][0] <= prose.before < self.trusted.around[index][1]]
        return min(beside, default=None,
                   key=lambda index: (not self._empty(index), index != prose.before, index < prose.before,
                                      abs(index - prose.before)))

    def settle(self):
        "Bring prose that stands near a manual cell, or at the end of the notebook, to whoever marks it; returns notes."
        notes, left = [], []
        for prose in sorted(self.prose, key=lambda prose: prose.in_code):
            prose.last = not any(index > prose.before for index in self.places)
            index = self._near(prose)
            if index is None or prose.in_code and not self._empty(index): left.append(prose)
            else: self._move(prose, index)
        empty = [index for index in self.trusted.manual if self._empty(index) and index not in self.trusted.tasks]
        if empty and (end := [prose for prose in left if prose.last]):
            for prose in end: self._move(prose, empty[-1])
            left, empty = [prose for prose in left if not prose.last], [index for index in empty if self._empty(index)]
        if self.moved:
            notes.append(f"cells {listed(dict.fromkeys(self.moved))}: written elsewhere in the notebook; moved there "
                         "for whoever marks it")
        for index in empty:
            gone, where = index not in self.places, [self._after(prose.before) for prose in left]
            where += [f"in {name}" for name, source in self.submission.cells.items() if self._own_asides(source)]
            if gone or where:
                notes.append(f"cell {self.trusted.grade_id(index)}: {'missing' if gone else 'empty'}, and nothing "
                             "written was found near it"
                             + (f"; the student's own text stands {listed(dict.fromkeys(where))}" if where else ""))
        if self.refused:
            notes.append(f"attachments {listed(self.refused)}: no pictures in PNG, JPEG or GIF of at most "
                         f"{size(PICTURE_BYTES)} in all; left out")
        return notes

    def _after(self, index):
        return f"after {self.trusted.grade_id(index)}" if index >= 0 else "at the top"

    def _move(self, prose, index):
        grade_id = self.trusted.grade_id(index)
        self.moved.append(grade_id)
        if self.trusted.notebook["cells"][index]["cell_type"] == "code":   # which has to stay code
            said = f"[moved here by the grader: this stood {self._after(prose.before)}]\n{prose.source}"
            return self._join(grade_id, "\n".join(f"# {line}" for line in said.split("\n")), {})
        self._join(grade_id, f"*[moved here by the grader: this stood {self._after(prose.before)}]*\n\n{prose.source}",
                   prose.pictures)

    # ---- what is odd

    def _changes(self):
        "Cells of ours that the student changed, told by the release that the notebook agrees with best; returns notes."
        releases = [*reversed(self.trusted.releases)] or [("", {})]
        against = {digest: [one for one in self.changed if squeezed(one[1]) != said.get(self.trusted.grade_id(one[0]))]
                   for digest, said in releases}
        self.submission.release = min(against, key=lambda digest: len(against[digest]))
        kinds, first = {"demo": [], "copied": [], "imported": [], "replaced": []}, []
        for index, source, again in against[self.submission.release]:
            role, grade_id = self.trusted.roles[index], self.trusted.grade_id(index)
            added = (source if again or role == "demo" else added_imports(source, self.trusted.source(index))
                     if role == "given" else "")
            kinds["demo" if role == "demo" else "copied" if again else "imported" if added
                  else "replaced"].append(grade_id)
            if added: first.append((index, added))
        self.submission.extras = sorted(first + self.submission.extras, key=lambda extra: extra[0])
        return ((kinds["demo"], "demonstrations that were changed; they were run as extra cells"),
                (kinds["copied"], "copies of given cells; they were run as extra cells"),
                (kinds["imported"], "given cells with imports added; these were run after them"),
                (kinds["replaced"], "given cells and tests that were changed; the assignment's own were run"))

    def notes(self):
        wanted = [self.trusted.grade_id(i) for i, role in enumerate(self.trusted.roles) if role == "solution"]
        missing = [name for name in wanted if name not in self.submission.cells and name not in self.retyped
                   + self.unreadable + self.too_long]
        found, changes = self.settle(), self._changes()
        self.too_long += ["of your own" for _, source in self.submission.extras if len(source) > MOST_SOURCE]
        self.submission.extras = [(index, storable(source)) for index, source in self.submission.extras
                                  if len(source) <= MOST_SOURCE]
        notes = [f"cells {listed(names)}: {note}" for names, note in (
            (self.twice, "there more than once; each was run, the last one counts"),
            (self.retyped, "no code cells any more; they count as empty"),
            (self.unreadable, "without text; they count as empty"),
            (missing, "missing; restore them from the notebook you were given"),
            (self.too_long, f"longer than {MOST_SOURCE} characters; they were left out"),
            (list(dict.fromkeys(self.cut)), f"longer than {MOST_SOURCE} characters; cut there"), *changes,
            (list(dict.fromkeys(self.together)),
             "written in several cells; all of it was put into one for whoever marks it")) if names]
        if self.schemas:
            notes.append(f"got {listed(sorted(self.schemas))} as nbgrader schema version, expected 3; the cells were "
                         "read all the same")
        first = list(dict.fromkeys(self.places))
        if first != sorted(first):
            notes.append("cells are in another order than in the assignment; they were run in its order")
        return notes + found


def read(path, trusted):
    "The Submission in the file `path`; Invalid when nothing in it can be graded."
    path = Path(path)
    data = fetch(path)
    cells, python, notes = parse(data, path.name)
    reading = Reading(trusted)
    for cell in cells: reading.take(cell)
    ours = {index for index in reading.places if trusted.roles[index] in ("solution", "manual", "test")}
    if not reading.places:
        raise Invalid(f"{path.name} has none of this assignment's cells; hand in the notebook that you were given, "
                      "filled in")
    if reading.foreign > len(ours):
        others = [about(cell)["grade_id"] for cell in cells if isinstance(about(cell).get("grade_id"), str)
                  and trusted.place(cell) is None]
        raise Invalid(f"{path.name} is the notebook of another assignment (its cells are {listed(others)}); hand in "
                      "the one of this assignment")
    submission = reading.submission
    submission.notes, submission.sha256, submission.python = (
        notes + reading.notes(), hashlib.sha256(data).hexdigest(), python)
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
    "What two cages run: the trusted cells, the student's and the tests, in order."
    runs = {"given", "tools", "solution", "extra", "test"}
    # code that a person marks runs too
    by_hand = {i for i in trusted.manual if trusted.notebook["cells"][i]["cell_type"] == "code"}
    steps = [Step(name, "solution" if index in by_hand else trusted.runs(role, name), source)
             for role, name, source, index in merged(trusted, submission)
             if (role in runs or index in by_hand) and source.strip()]
    return Job(seed, steps)


def rebuilt(trusted, submission, outputs):
    """The trusted notebook, whose metadata it shares, with the student's cells, answers and `outputs` {id: list};
    tests show their failure alone."""
    notebook = {**trusted.notebook, "cells": [], "metadata": {**trusted.notebook.get("metadata", {})}}
    for ours in ("capstone_checks", BESIDE): notebook["metadata"].pop(ours, None)
    for role, name, source, index in merged(trusted, submission):
        cell = trusted.notebook["cells"][index] if index is not None else {
            "cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": []}
        cell = {**cell, "source": source}
        if role == "manual" and name in submission.pictures: cell["attachments"] = submission.pictures[name]
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = list(outputs.get(name, ())), None
        notebook["cells"].append(cell)
    return notebook
