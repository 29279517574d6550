"""nbgrader's metadata, the regions between markers and the role of each cell: read here and nowhere else.

Threat: two readers of one cell disagree about what it is, and a student's copy is taken for a test or an answer for
a lesson.
"""
import json
import re
from dataclasses import dataclass
from pathlib import Path

REGION = re.compile(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
BESIDE = "capstone_beside"   # in a notebook's metadata: the tests that run in the student's process, see beside.py
UNCAGED = "graded without a sandbox"   # in the message of a grade that was
CHECKS = "capstone_checks.py"   # the vocabulary of the tests, beside the notebook
STUBS = "YOUR ANSWER HERE", "YOUR CODE HERE", "raise NotImplementedError()"


@dataclass(frozen=True)
class Part:
    "A graded cell: its id, its points, whether a person grades it."
    grade_id: str
    points: float
    manual: bool


def text(source):
    "A cell's source as a str, or None for anything else."
    if isinstance(source, list) and all(isinstance(line, str) for line in source): source = "".join(source)
    return source if isinstance(source, str) else None


def about(cell):
    "The nbgrader metadata of a cell, {} where there is none."
    found = cell.get("metadata")
    found = found.get("nbgrader") if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def without_regions(source, kinds=("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")):
    "`source` without what lies between the markers of `kinds`, and without these markers."
    kept, inside = [], None
    for line in source.split("\n"):
        marker = REGION.search(line)
        if marker and marker[2] in kinds: inside = marker[2] if marker[1] == "BEGIN" else None
        elif not inside: kept.append(line)
    return "\n".join(kept)


def squeezed(source):
    "`source` without stubs and white space: equal for a cell that was only released and reformatted."
    for stub in STUBS: source = source.replace(stub, "")
    return "".join(source.split())


def load(path):
    """The trusted notebook at `path`, parsed; the vocabulary of its tests comes along in its metadata.

    OSError, ValueError."""
    notebook, beside = json.loads(Path(path).read_text(encoding="utf-8")), Path(path).with_name(CHECKS)
    if beside.is_file(): notebook["metadata"]["capstone_checks"] = beside.read_text(encoding="utf-8")
    return notebook


@dataclass(frozen=True)
class Beside:
    "A file beside the notebook, data or a module of the assignment's own: its bytes, whether students were given it."
    data: bytes
    released: bool = True


def worth(mark):
    "The points of a cell with this nbgrader metadata."
    return float(mark.get("points") or 0)


def role_of(cell):
    """What a trusted cell is for: manual (graded by hand), test, solution, given, demo (left out), text; tools: given
    to the examiner's process alone."""
    mark = about(cell)
    graded, solution = mark.get("grade"), mark.get("solution")
    if graded and solution or mark.get("task") and worth(mark) > 0: return "manual"
    if cell["cell_type"] != "code": return "text"
    if "demo" in cell["metadata"].get("tags", []): return "demo"
    if graded: return "test"
    if solution: return "solution"
    return "tools" if CHECKS[:-3] in text(cell["source"]) else "given"


class Trusted:
    "The assignment: the source notebook, or the released one with its tests; `files` {path: Beside} lie beside it."

    def __init__(self, notebook, files=None):
        self.notebook, self.roles, self.parts, self.files = notebook, [], [], files or {}
        self.vocabulary = notebook.get("metadata", {}).get("capstone_checks", "")   # the source of its tests' helpers
        self.beside = set(notebook.get("metadata", {}).get(BESIDE, ()))
        self.by_grade_id, self.by_cell_id, self.by_source, self.given = {}, {}, {}, []
        for index, cell in enumerate(notebook["cells"]):
            mark, source, role = about(cell), text(cell["source"]), role_of(cell)
            self.roles.append(role)
            if role in ("manual", "test"): self.parts.append(Part(mark["grade_id"], worth(mark), role == "manual"))
            if "grade_id" in mark: self.by_grade_id[mark["grade_id"]] = index
            if "id" in cell: self.by_cell_id[cell["id"]] = index
            self.given.append({squeezed(source), squeezed(without_regions(source))})   # what an untouched copy says
            if role in ("given", "tools", "demo", "test"): self.by_source[squeezed(without_regions(source))] = index
        self.texts = set().union(*(said for said, role in zip(self.given, self.roles) if role == "text"))
        self.text_at = {said: i for i, role in enumerate(self.roles) if role == "text" for said in self.given[i]}
        self.lines = {"".join(line.split()) for i, role in enumerate(self.roles) if role in ("text", "manual")
                      for line in without_regions(self.source(i)).split("\n")} | {
                          "".join(stub.split()) for stub in STUBS}
        self.manual = [i for i, role in enumerate(self.roles) if role == "manual"]
        self.tasks = {i for i in self.manual if about(notebook["cells"][i]).get("task")}
        self.code_by_hand = {self.grade_id(i) for i in self.manual if notebook["cells"][i]["cell_type"] == "code"}
        code = [i for i, role in enumerate(self.roles) if role != "text"]
        self.around = {i: (max((k for k in code if k < i), default=-1),
                           min((k for k in code if k > i), default=len(self.roles))) for i in self.manual}
        # (digest, {grade_id: what an untouched copy says}) of each release, the oldest first; see `know`
        self.releases = []
        self.max_score = sum(part.points for part in self.parts)

    def know(self, digest, released):
        "Take `released`, a notebook that students were given, for one that a submission may have been made from."
        said = {about(cell).get("grade_id") or cell.get("id"): squeezed(text(cell.get("source")) or "")
                for cell in released["cells"]}
        texts = [text(cell.get("source")) or "" for cell in released["cells"] if cell.get("cell_type") == "markdown"
                 and not about(cell).get("solution")]
        self.texts |= set(map(squeezed, texts))
        self.lines |= {"".join(line.split()) for source in texts for line in source.split("\n")}
        self.releases.append((digest, said))

    def grade_id(self, index):
        "The grade_id of cell `index`, its cell id where it has none."
        cell = self.notebook["cells"][index]
        return about(cell).get("grade_id") or cell.get("id") or f"cell-{index}"

    def source(self, index):
        return text(self.notebook["cells"][index]["source"])

    def runs(self, role, name):
        "The role of a step in a run: a test may be one that the student's process has to run."
        return "beside" if role == "test" and name in self.beside else role

    def sources(self, *roles):
        "{id: source} of the cells of these roles."
        return {self.grade_id(i): self.source(i) for i, role in enumerate(self.roles) if role in roles}

    def hidden(self, index):
        "Lines (from 1) of a test that lie between its markers of hidden tests."
        lines, inside = set(), False
        for number, line in enumerate(self.source(index).split("\n"), 1):
            if (marker := REGION.search(line)) and marker[2] == "HIDDEN TESTS": inside = marker[1] == "BEGIN"
            if inside: lines.add(number)
        return lines

    def place(self, cell):
        "The index of the trusted cell that a student's `cell` is, or None: by grade_id, else by id, else by source."
        grade_id, cell_id = about(cell).get("grade_id"), cell.get("id")
        if isinstance(grade_id, str) and grade_id in self.by_grade_id: return self.by_grade_id[grade_id]
        if isinstance(cell_id, str) and cell_id in self.by_cell_id: return self.by_cell_id[cell_id]
        source = text(cell.get("source"))
        return self.by_source.get(squeezed(source)) if source else None


def problems(notebook, total=None):
    """One sentence for each reason why a trusted notebook cannot be graded from: ids that occur twice, points that
    do not sum to `total`."""
    marks = [about(cell) for cell in notebook["cells"] if about(cell)]
    ids = [mark.get("grade_id") for mark in marks]
    found = [f"cell {one}: its grade_id occurs {ids.count(one)} times; give each cell one of its own"
             for one in dict.fromkeys(ids) if ids.count(one) > 1]
    points = sum(float(mark.get("points") or 0) for mark in marks if mark.get("grade") or mark.get("task"))
    if total is not None and points != total:
        found.append(f"the points sum to {points:g}, expected {total:g}; change `points` of a test cell")
    return found


def regions(notebook):
    "Per region that students never see: (kind, grade_id, its lines); and every line that they do see."
    found, seen = [], []
    for cell in notebook.cells:
        kind = None
        for line in cell.source.splitlines():
            if marker := REGION.search(line):
                kind = marker[2] if marker[1] == "BEGIN" else None
                if kind:
                    found.append((kind, cell.metadata.get("nbgrader", {}).get("grade_id", cell.get("id", "?")), []))
            elif kind:
                found[-1][2].append(line)
            else:
                seen.append(line)
    return found, seen
