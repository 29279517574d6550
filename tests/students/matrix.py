"""Solutions that students might hand in, as small files, and the table of what each mistake costs.

wrong/NAME.py: `# mistake:` in words, `# cell:` the solution cell it is in, `# loses:` the graded cells that must lose their points
(no other may), perhaps `# says:` a pattern that the failing message must contain; then pairs of blocks `# --- old`, `# --- new`:
lines of the reference solution and what the student wrote for them.
right/NAME.py: `# style:` in words; then blocks `# --- cell ID`, a whole solution cell, or `# --- before ID`, an extra cell.
older/NAME.py: as in right, with `# loses:`.
"""
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from tinytorch_grader.notebook import load

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parents[1] / "20_capstone.ipynb"
README = HERE.parents[1] / "docs" / "misconceptions.md"
BEGIN, END = "<!-- misconceptions:begin -->", "<!-- misconceptions:end -->"


def grade_id(cell): return cell["metadata"].get("nbgrader", {}).get("grade_id")


@dataclass
class Student:
    "One solution: its name, what is said about it, the cells it changes and those it adds before others."
    name: str
    kind: str
    about: dict
    blocks: list = field(default_factory=list)  # (words after `# ---`, text)

    @property
    def loses(self): return set(self.about.get("loses", "").split())

    def notebook(self, reference):
        "The notebook handed in: `reference` (parsed JSON) with this student's cells."
        notebook = json.loads(json.dumps(reference))
        where = {grade_id(cell): cell for cell in notebook["cells"]}
        for (what, text), (_, new) in zip(self.blocks, self.blocks[1:] + [("", "")]):
            if what == "old":
                cell = where[self.about["cell"]]
                source = "".join(cell["source"])
                if source.count(text) != 1: raise ValueError(f"{self.name}: found {source.count(text)} times in {self.about['cell']}, expected once: {text!r}")
                cell["source"] = source.replace(text, new)
            elif what.startswith("cell "):
                where[what[5:]]["source"] = text.strip("\n")
            elif what.startswith("before "):
                extra = {"cell_type": "code", "execution_count": None, "id": f"extra-{len(notebook['cells'])}", "metadata": {}, "outputs": [], "source": text.strip("\n")}
                notebook["cells"].insert(notebook["cells"].index(where[what[7:]]), extra)
        return notebook


def read(path):
    "The student in the file at `path`."
    head, *parts = re.split(r"^# --- (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    about = dict(re.findall(r"^# (\w+): (.+)$", head, re.MULTILINE))
    return Student(path.stem, path.parent.name, about, list(zip(parts[::2], parts[1::2])))


def students(kind):
    return [read(path) for path in sorted((HERE / kind).glob("*.py"))]


def reference():
    return load(NOTEBOOK)


def points(notebook):
    "{grade_id: points} of the cells that are graded by themselves, in notebook order."
    graded = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]
    return {meta["grade_id"]: meta["points"] for meta in graded if not meta["solution"]}


def table():
    "The map from misconception to test, as Markdown."
    worth, rows = points(reference()), {}
    for student in students("wrong"):
        for part in student.loses: rows.setdefault(part, []).append(student.about["mistake"])
    lines = ["| graded cell | points | fails for |", "|---|---|---|"]
    return "\n".join(lines + [f"| `{part}` | {worth[part]:g} | {'; '.join(sorted(rows.get(part, [])))} |" for part in worth])


def written(text):
    "README `text` with a fresh table between its markers."
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
