"""Whole notebooks that students might hand in, made from `tests/mistakes/`, and the table of what each mistake costs.

mistakes/CELL/NAME.diff: one mistake each (see `tinytorch_grader.mistakes`). mistakes/right/NAME.py, a right solution
that is written differently: `# style:` in words, then `# %% cell ID`, a whole solution cell, or `# %% before ID`, an
extra cell. older/ likewise, with `# loses:`; nothing/ likewise, and it must earn nothing.
`python tests/helpers/students.py` writes the table into the docs.
"""
import copy
import re
from dataclasses import dataclass, field
from pathlib import Path

from tinytorch_grader.mistakes import FOLDER, mistakes
from tinytorch_grader.notebook import load

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "misconceptions.md"
BEGIN, END = "<!-- misconceptions:begin -->", "<!-- misconceptions:end -->"


def grade_id(cell: dict) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


@dataclass
class Student:
    "One notebook handed in: the cells that are not the reference's, and extra cells before others."
    name: str
    kind: str
    cells: dict[str, str]
    loses: set[str] = field(default_factory=set)
    says: str = ""
    mistake: str = ""
    cell: str = ""
    extras: list[tuple[str, str]] = field(default_factory=list)  # (grade_id of the cell after it, source)
    seconds: float = 0.0  # what its tests take, where they have to sleep

    def notebook(self, reference: dict) -> dict:
        "The notebook: `reference` (parsed JSON) with this student's cells."
        notebook = copy.deepcopy(reference)
        where = {grade_id(cell): cell for cell in notebook["cells"]}
        for name, source in self.cells.items(): where[name]["source"] = source
        for number, (after, source) in enumerate(self.extras):
            cell = {"cell_type": "code", "execution_count": None, "id": f"extra-{number}", "metadata": {},
                    "outputs": [], "source": source}
            notebook["cells"].insert(notebook["cells"].index(where[after]), cell)
        return notebook


def reference() -> dict:
    return load(ROOT / "20_capstone.ipynb")


def solutions(notebook: dict) -> dict[str, str]:
    "{grade_id: source} of the solution cells."
    return {grade_id(cell): "".join(cell["source"]) for cell in notebook["cells"]
            if cell["metadata"].get("nbgrader", {}).get("solution")}


def read(path: Path) -> Student:
    "The student in the percent file at `path`."
    head, *parts = re.split(r"^# %% (cell|before) (\S+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    about = dict(re.findall(r"^# (\w+): (.+)$", head, re.MULTILINE))
    blocks = list(zip(parts[::3], parts[1::3], (text.strip("\n") for text in parts[2::3])))
    return Student(path.stem, path.parent.name, {name: text for what, name, text in blocks if what == "cell"},
                   set(about.get("loses", "").split()),
                   extras=[(name, text) for what, name, text in blocks if what == "before"],
                   seconds=float(about.get("seconds", 0)))


def shared(group: list[Student]) -> Student:
    "One student with the cells and the extra cells of all in `group`."
    if len(group) == 1: return group[0]
    return Student("+".join(student.name for student in group), group[0].kind,
                   {name: source for student in group for name, source in student.cells.items()},
                   extras=[extra for student in group for extra in student.extras])


def students(kind: str) -> list[Student]:
    "All of a kind: wrong, right, older, nothing."
    if kind != "wrong": return [read(path) for path in sorted((FOLDER / kind).glob("*.py"))]
    return [Student(m.name, "wrong", m.cells, set(m.loses), m.says, m.mistake, m.cell, seconds=m.seconds)
            for m in mistakes(solutions(reference()))]


def points(notebook: dict) -> dict[str, float]:
    "{grade_id: points} of the cells that are graded by themselves, in notebook order."
    graded = [cell["metadata"]["nbgrader"] for cell in notebook["cells"]
              if cell["metadata"].get("nbgrader", {}).get("grade")]
    return {meta["grade_id"]: meta["points"] for meta in graded if not meta["solution"]}


def table() -> str:
    "The map from misconception to test, as Markdown."
    worth, rows = points(reference()), {}
    for student in students("wrong"):
        for part in student.loses: rows.setdefault(part, []).append(student.mistake)
    lines = ["| graded cell | points | fails for |", "|---|---|---|"]
    return "\n".join(lines
                     + [f"| `{part}` | {worth[part]:g} | {'; '.join(sorted(rows.get(part, [])))} |" for part in worth])


COMMON = ("relu_missing", "layers_remembered", "seconds", "warmup_counted", "first_row_only", "batch_divided",
          "wall_clock", "accuracy_percent", "accuracy_broadcast", "size_four_bytes", "tied_twice", "std_of_sample",
          "numpy_scalars", "speedup_upside_down", "dicts_shallow", "nan_written", "written_in_place", "type_bool",
          "agree_no_tolerance", "generator_yielded", "assert_in_validator", "stub_claimed")


def messages() -> str:
    """What a student reads after each of the commonest mistakes, as Markdown;
    the suite holds the words against the real messages."""
    known = {student.name: student for student in students("wrong")}
    rows = [f"| {known[name].mistake} | `{' '.join(known[name].loses)}` | {known[name].says} |" for name in COMMON]
    return "\n".join(["| mistake | graded cell | the message says |", "|---|---|---|", *rows])


def written(text: str) -> str:
    "The page `text` with fresh tables between its markers."
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n\n## What the student reads\n\n{messages()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    TABLE.write_text(written(TABLE.read_text(encoding="utf-8")), encoding="utf-8")
