"""What a student gets back: one static HTML page, at the place where nbgrader's own would be.

Threat: code, output, markdown or a name that a student wrote acts in the browser of whoever reads the page, or
carries hidden tests out. Everything passes through `safe`; of an output only plain text and pictures are shown, and
text that repeats a hidden test is left out. The page holds no script and no address, and its policy forbids both.
What remains: output that hides a test in another form (encoded, drawn) is not recognized; a test that a submission
can see while it runs is not kept from its author.
"""
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from markupsafe import Markup

from .. import intake, judge
from ..gradebook import ASSIGNMENT, Gradebook, GradebookError, put
from ..notebook import REGION, regions
from .safe import environment, markdown, picture, text

NOTEBOOK_BYTES = 64 * 2**20
EXTRA_CELLS = 50          # of a student's own that follow one of ours

# What happened, to the student; a status is spoken of only when it is not `graded`.
STATUS = {
    "timeout": "Your notebook was stopped because it ran longer than it may. What it had earned before is counted. "
               "Look for a loop "
               "without end, or for training inside a solution cell.",
    "memory": "Your notebook was stopped because it used more memory than it may. What it had earned before is "
              "counted.",
    "crashed": "Python ended while your notebook ran. What it had earned before is counted. Restart the kernel, run "
               "all cells and see "
               "which one ends it.",
    "invalid": "Your file could not be graded as it is. Download a fresh copy of the assignment, put your solutions "
               "into its cells, and "
               "hand that in.",
    "missing": "No notebook of yours was found where it was expected. Ask your instructor how to hand it in again.",
    "tampered": "The tests could not do their work in this notebook, so it has no points for now. A person will look "
                "at it; ask your "
                "instructor.",
}


def opened(course, db=None, assignment=ASSIGNMENT):
    "The Gradebook of `course`; GradebookError where there is no course."
    course = Path(course).resolve()
    if not any((course / name).exists() for name in ("nbgrader_config.py", "source")):
        raise GradebookError(f"{course}: no course here; make one with `capstone course {course.name}`")
    return Gradebook(course, db, assignment)


# ---- from what a stranger wrote to what a page may hold

class Outputs:
    "Turns what student code put out into what a page may hold; `hidden` are the lines that no output may repeat."

    def __init__(self, hidden):
        self.hidden = hidden

    def safe(self, value):
        "`text(value)`, or a sentence where it repeats a hidden test."
        whole = "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
        if isinstance(whole, str) and self.hidden.within(whole):
            return "[left out: this text repeats lines of a hidden test]"
        return text(whole)

    def shown(self, outputs, grade_id):
        "Each output as {label, text} or {label, src, alt}."
        for output in outputs[:100] if isinstance(outputs, list) else ():
            if isinstance(output, dict) and (found := self.one(output, grade_id)):
                yield found

    def one(self, output, grade_id):
        kind, data = output.get("output_type"), output.get("data")
        if kind == "stream":
            shown = self.safe(output.get("text"))
            return shown and {"label": "Error stream" if output.get("name") == "stderr" else "Output", "text": shown}
        if kind == "error":
            trace = output.get("traceback")
            lines = [line + "\n" for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
            return {"label": "Error", "text": self.safe(lines)
                    or self.safe(f"{output.get('ename')}: {output.get('evalue')}")}
        return self.display(data, grade_id) if isinstance(data, dict) else None

    def display(self, data, grade_id):
        "A picture where there is one, else the plain text, else what kinds of output there are."
        plain = self.safe(data.get("text/plain"))
        for mime in ("image/png", "image/jpeg"):
            if mime in data:
                if found := picture(mime, data[mime]):
                    src, width, height = found
                    return {"label": "Picture", "src": src,
                            "alt": f"Drawn by {grade_id}, {width} by {height} pixels. {plain[:200]}"}
                return {"label": "Output", "text": "[a picture that cannot be shown]"}
        if plain:
            return {"label": "Output", "text": plain}
        for mime, value in data.items():
            if not mime.startswith(("text/", "application/j", "image/svg")):
                return {"label": "Output", "text": f"[{text(mime, 60)} is not shown here]"}
            if shown := self.safe(value): return {"label": f"Output, as the source of {text(mime, 60)}", "text": shown}
        return None


# ---- the page

@dataclass
class Item:
    """What the page says about one cell: a student's code or answer and its outputs, points and message, comments,
    the reference."""
    grade_id: str
    code: str | None = None
    answer: Markup | None = None
    extra: bool = False
    outputs: list = field(default_factory=list)
    points: float | None = None
    score: float = 0.0
    waits: bool = False
    outdated: bool = False
    message: str = ""
    comment: str = ""
    reference: str = ""

    @property
    def verdict(self):
        if self.outdated: return "for your earlier answer; the new one awaits manual grading"
        if self.waits: return "awaits manual grading"
        return "full points" if self.score >= self.points else "no points" if self.score <= 0 else "part of the points"


@dataclass
class Section:
    "A part of the notebook."
    id: str
    title: str
    items: list = field(default_factory=list)
    score = property(lambda self: sum(item.score for item in self.items))
    points = property(lambda self: sum(item.points or 0 for item in self.items))
    waits = property(lambda self: any(item.waits for item in self.items))


class Lesson:
    "The trusted notebook of a course: its sections in order, its references, and which cells are not a student's."

    def __init__(self, source, released=None):
        self.cells, self.outputs = source.cells, Outputs(judge.Hidden(intake.Trusted(source)))
        self.known = {""} | {cell.source.strip() for notebook in (source, released) if notebook
                             for cell in notebook.cells}
        found, _ = regions(source)
        self.references = {cell.metadata.nbgrader.grade_id: without_markers(cell.source) for cell in source.cells
                           if intake.about(cell).get("solution") and "### BEGIN SOLUTION" in cell.source}
        self.references |= {grade_id: "\n".join(lines) for kind, grade_id, lines in found if kind == "MARK SCHEME"}

    def theirs(self, notebook):
        "(solution cells by grade_id, extra code cells by the grade_id they follow) of a student's notebook."
        answers, extras, last = {}, {}, None
        for cell in notebook["cells"]:
            if not isinstance(cell, dict): continue
            grade_id = intake.about(cell).get("grade_id")
            if isinstance(grade_id, str):
                last = grade_id
                answers.setdefault(grade_id, cell)
            elif cell.get("cell_type") == "code" and (intake.text(cell.get("source")) or "").strip() not in self.known:
                extras.setdefault(last, []).append(cell)
        return answers, extras

    def sections(self, grade, notebook, with_answers, part_of=str):
        "The sections of one student's page; those without anything to say are left out."
        answers, extras = self.theirs(notebook)
        found = [Section("part-0", "Before the parts")]
        for cell in self.cells:
            if cell.cell_type == "markdown" and cell.source.startswith("## "):
                found.append(Section(f"part-{len(found)}", cell.source.splitlines()[0][3:].strip()))
            if not (mark := intake.about(cell)): continue
            item = self.item(cell, answers.get(mark["grade_id"]), grade, part_of(mark["grade_id"]))
            if with_answers and self.references.get(item.grade_id) != item.code:
                item.reference = self.references.get(item.grade_id, "")
            if item.code is not None or item.answer is not None or item.points or item.comment or item.reference:
                found[-1].items.append(item)
            found[-1].items += self.own(item.grade_id, extras.get(item.grade_id, ()))
        return [section for section in found if section.items]

    def item(self, cell, theirs, grade, part):
        "What the page says about one of our cells; `theirs`: the student's copy of it, or None."
        mark = intake.about(cell)
        item = Item(mark["grade_id"], comment=text(grade.comments.get(part)))
        if mark.get("solution") and theirs is not None:
            if cell.cell_type == "code":
                item.code, item.outputs = (text(intake.text(theirs.get("source"))),
                                           [*self.outputs.shown(theirs.get("outputs"), item.grade_id)])
            else: item.answer = markdown(intake.text(theirs.get("source")), theirs.get("attachments"))
        if judged := grade.parts.get(part):
            item.points, item.score, item.waits, item.outdated = (
                judged.max_score, judged.score, judged.waits, judged.outdated)
            # of the whole submission: said once at the top
            if judged.message != grade.message: item.message = self.outputs.safe(judged.said)
        return item

    def own(self, grade_id, cells):
        "What the page says about a student's own cells that follow one of ours."
        return [Item(text(cell.get("id"), 60) or f"{grade_id}, number {number}", text(intake.text(cell.get("source"))),
                     extra=True, outputs=[*self.outputs.shown(cell.get("outputs"), "an extra cell")])
                for number, cell in enumerate(cells[:EXTRA_CELLS], 1)]


def lost(sections):
    "(section, item) of the parts without full points that nobody has still to mark, the dearest first."
    found = [(section, item) for section in sections for item in section.items if item.points
             and item.score < item.points and not item.waits]
    return sorted(found, key=lambda pair: pair[1].score - pair[1].points)


def without_markers(source):
    return "\n".join(line for line in source.splitlines() if not REGION.search(line)).strip("\n")


def regular(root, path, most):
    """The bytes of file `path` below `root`; ValueError for links on the way, devices, pipes, and more than `most`
    bytes."""
    root, path = Path(root), Path(path)
    for part in [*path.relative_to(root).parents][:-1]:
        if (root / part).is_symlink(): raise ValueError(f"{part} is a symbolic link")
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)), "rb") as f:
        about = os.fstat(f.fileno())
        if not stat.S_ISREG(about.st_mode): raise ValueError(f"{path.name} is no ordinary file")
        data = f.read(most + 1)
    if len(data) > most: raise ValueError(f"{path.name} is larger than {most} bytes")
    return data


def autograded(gradebook, student, notebook=ASSIGNMENT):
    "The graded notebook of a student; one without cells where there is none that can be read."
    try:
        notebook = json.loads(regular(gradebook.directory.root,
                                      gradebook.path("autograded", student) / f"{notebook}.ipynb", NOTEBOOK_BYTES))
        return notebook if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list) else {"cells": []}
    except (OSError, ValueError, RecursionError):
        return {"cells": []}


def keep_for_release(gradebook, student, folder):
    """Put beside the page what `nbgrader release_feedback` asks for: time of submission, and the secret of one that
    came by the exchange."""
    for step, name in (("autograded", "timestamp.txt"), ("submitted", "submission_secret.txt")):
        try: put(folder / name, regular(gradebook.directory.root, gradebook.path(step, student) / name, 1000).decode())
        except (OSError, ValueError): (folder / name).unlink(missing_ok=True)


class Pages:
    "The feedback pages of a course; its lessons are read once."

    def __init__(self, gradebook, with_answers=False):
        self.gradebook, self.with_answers, self.lessons = gradebook, with_answers, {}
        self.template, self.grades = environment().get_template("feedback.html.j2"), gradebook.grades()
        for name, path in gradebook.sources().items():
            source, released = gradebook.trusted_notebook(path), gradebook.path("release", ".") / f"{name}.ipynb"
            try: self.lessons[name] = Lesson(source, nbformat.read(released, as_version=4))
            # it tells only which cells are a student's
            except (OSError, ValueError, LookupError, AttributeError): self.lessons[name] = Lesson(source)

    def html(self, student, notebook):
        "The page about one notebook of a student; its points are those of the whole assignment."
        lesson, grade = self.lessons[notebook], self.grades[student]
        sections = lesson.sections(grade, autograded(self.gradebook, student, notebook), self.with_answers,
                                   lambda grade_id: self.gradebook.part(notebook, grade_id))
        return self.template.render(
            title=f"Feedback on {self.gradebook.assignment}", assignment=self.gradebook.assignment,
            student=text(student), name=text(grade.name), grade=grade,
            message=lesson.outputs.safe(grade.message), sections=sections, lost=lost(sections),
            notebook=notebook if len(self.lessons) > 1 else "",
            notes=[lesson.outputs.safe(note) for note in grade.notes],
            status=None if grade.status == "graded" else (grade.status.capitalize(), STATUS.get(grade.status, "")))


def write(course, with_answers=False, db=None, progress=None, assignment=ASSIGNMENT):
    """Write feedback/STUDENT/ASSIGNMENT/NOTEBOOK.html for every graded student of the course; returns the folders.

    `with_answers`: show the reference solutions too, once resubmission is over; `progress(done, total)` after each
    student.
    """
    folders = []
    with opened(course, db, assignment) as gradebook:
        pages = Pages(gradebook, with_answers)
        for done, student in enumerate(pages.grades, 1):
            folder = gradebook.path("feedback", student)
            for notebook in pages.lessons: put(folder / f"{notebook}.html", pages.html(student, notebook))
            keep_for_release(gradebook, student, folder)
            folders.append(folder)
            if progress: progress(done, len(pages.grades))
    return folders
