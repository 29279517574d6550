"""What a student gets back: one static HTML page, at the place where nbgrader's own would be.

Threat: code, output, markdown or a name that a student wrote acts in the browser of whoever reads the page, or carries hidden tests out.
Everything passes through `text` (no control or direction characters) and jinja2's escaping; an answer in markdown goes through mistune and
bleach; of an output only plain text and pictures that Pillow recognizes are shown, and text that repeats a hidden test is left out.
The page holds no script and no address, and its policy forbids both. What remains: output that hides a test in another form (encoded,
drawn) is not recognized; a test that a submission can see while it runs is not kept from its author.
"""
import base64
import binascii
import contextlib
import hashlib
import io
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

import bleach
import jinja2
import mistune
import nbformat
from markupsafe import Markup
from nbgrader import api
from PIL import Image
from sqlalchemy import select

from . import intake, marks
from .gradebook import ASSIGNMENT, Gradebook, GradebookError, put
from .release import REGION, regions

SHOWN = 20_000            # characters of one text that a page shows
PIXELS = 25_000_000       # of the largest picture
IMAGE_BYTES = 4 * 2**20   # of the largest picture, encoded
NOTEBOOK_BYTES = 64 * 2**20
EXTRA_CELLS = 50          # of a student's own that follow one of ours

# What happened, to the student; a status is spoken of only when it is not `graded`.
STATUS = {
    "timeout": "Your notebook was stopped because it ran longer than it may. What it had earned before is counted. Look for a loop "
               "without end, or for training inside a solution cell.",
    "memory": "Your notebook was stopped because it used more memory than it may. What it had earned before is counted.",
    "crashed": "Python ended while your notebook ran. What it had earned before is counted. Restart the kernel, run all cells and see "
               "which one ends it.",
    "invalid": "Your file could not be graded as it is. Download a fresh copy of the assignment, put your solutions into its cells, and "
               "hand that in.",
    "missing": "No notebook of yours was found where it was expected. Ask your instructor how to hand it in again.",
    "tampered": "The tests could not do their work in this notebook, so it has no points for now. A person will look at it; ask your "
                "instructor.",
}


# ---- what a course holds about its students

@dataclass
class Row:
    "One graded cell of one student in the gradebook; a score is None until somebody gave it."
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    waits: bool = False

    @property
    def score(self):
        return ((self.auto if self.manual is None else self.manual) or 0.0) + (self.extra or 0.0)


@dataclass
class Book:
    "What the gradebook says about one student: rows and comments by grade_id, late penalty."
    rows: dict = field(default_factory=dict)
    comments: dict = field(default_factory=dict)
    penalty: float = 0.0


def opened(course, db=None):
    "The Gradebook of `course`; GradebookError where there is no course."
    course = Path(course).resolve()
    if not any((course / name).exists() for name in ("nbgrader_config.py", "source")):
        raise GradebookError(f"{course}: no course here; make one with `capstone course {course.name}`")
    return Gradebook(course, db)


def books(gradebook):
    "Student -> Book for every submission, read in three queries."
    names = gradebook.graded | gradebook.tasks | gradebook.answers
    student, notebook = api.SubmittedAssignment.student_id, api.SubmittedNotebook
    of = lambda *columns: (select(student, *columns).select_from(notebook).where(notebook.notebook_id == gradebook.notebook_id)
                           .join(api.SubmittedAssignment, notebook.assignment_id == api.SubmittedAssignment.id))
    grade, comment, read = api.Grade, api.Comment, gradebook.book.db.execute
    with gradebook.one_line():
        try:
            found = {who: Book(penalty=penalty or 0.0) for who, penalty in read(of(notebook.late_submission_penalty))}
            for who, cell, *scores, waits in read(of(grade.cell_id, grade.auto_score, grade.manual_score, grade.extra_credit,
                                                     grade.needs_manual_grade).join(grade, grade.notebook_id == notebook.id)):
                if cell in names: found[who].rows[names[cell]] = Row(*scores, waits)
            for who, cell, said in read(of(comment.cell_id, comment.comment).join(comment, comment.notebook_id == notebook.id)):
                if cell in names and said and said.strip(): found[who].comments[names[cell]] = said
        finally: gradebook.book.db.remove()
    return found


def records(course):
    "Student -> what `capstone grade` left in `_grades/`; a file that is no record is passed over."
    found = {}
    for path in sorted((Path(course) / "_grades").glob("*.json")):
        with contextlib.suppress(ValueError, OSError, RecursionError):
            record = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(record, dict) and isinstance(parts := record.get("parts"), dict) and all(isinstance(part, dict) for part in parts.values()):
                found[str(record.get("student", path.stem))] = record
    return found


# ---- from what a stranger wrote to what a page may hold

ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")
HIDDEN_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")


def text(value, most=SHOWN):
    "`value` as text that shows what it is: no terminal codes, control or direction characters; the middle left out past `most`."
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    if len(value) > 20 * most:   # do not work on what nobody will see
        value = value[:10 * most] + value[-10 * most:]
    value = ESCAPES.sub("", value.encode("utf-8", "replace").decode()).replace("\r\n", "\n")
    value = "\n".join(line.rpartition("\r")[2] for line in value.split("\n"))   # a progress bar overwrites its line
    value = HIDDEN_CHARACTERS.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
    if len(value) > most:
        value = f"{value[:most // 2]}\n[... {len(value) - most} characters left out ...]\n{value[-(most // 2):]}"
    return value.rstrip("\n")


def markdown(source):
    "An answer in markdown as safe HTML: no raw HTML, no image, links as text, headings below ours."
    tags = {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "a", *(f"h{level}" for level in range(1, 7))}
    try:
        html = bleach.clean(RENDER(text(source)), tags=tags, attributes={"a": ["href"]},
                            protocols={"http", "https"}, strip=True)
    except (RecursionError, ValueError):
        return Markup("<pre>{}</pre>").format(text(source))
    html = re.sub(r'<a(?: href="([^"]*)")?>(.*?)</a>', lambda a: f"{a[2]} ({a[1]})" if a[1] and a[1] != a[2] else a[2], html, flags=re.S)
    return Markup(re.sub(r"<(/?)h[1-6]>", r"<\1h4>", html))


RENDER = mistune.create_markdown(escape=True)


def picture(mime, data):
    "(data URI, width, height) of a PNG or JPEG; None for what Pillow does not take for one, or too large."
    kind = mime.partition("/")[2].upper()
    if isinstance(data, list):
        data = "".join(part for part in data if isinstance(part, str))
    if not isinstance(data, str) or len(data) > IMAGE_BYTES:
        return None
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
        with Image.open(io.BytesIO(raw), formats=[kind]) as image:
            width, height = image.size
    except (binascii.Error, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    if not 0 < width * height <= PIXELS:
        return None
    return f"data:{mime};base64,{base64.b64encode(raw).decode()}", width, height


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
            return {"label": "Error", "text": self.safe(lines) or self.safe(f"{output.get('ename')}: {output.get('evalue')}")}
        if not isinstance(data, dict):
            return None
        plain = self.safe(data.get("text/plain"))
        for mime in ("image/png", "image/jpeg"):
            if mime in data:
                if found := picture(mime, data[mime]):
                    src, width, height = found
                    return {"label": "Picture", "src": src, "alt": f"Drawn by {grade_id}, {width} by {height} pixels. {plain[:200]}"}
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
    "What the page says about one cell: a student's code or answer and its outputs, points and message, comments, the reference."
    grade_id: str
    code: str | None = None
    answer: Markup | None = None
    extra: bool = False
    outputs: list = field(default_factory=list)
    points: float | None = None
    score: float = 0.0
    waits: bool = False
    message: str = ""
    comment: str = ""
    reference: str = ""

    @property
    def verdict(self):
        if self.waits: return "a person will grade this"
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
        self.cells, self.outputs = source.cells, Outputs(marks.Hidden(intake.Trusted(source)))
        self.known = {""} | {cell.source.strip() for notebook in (source, released) if notebook for cell in notebook.cells}
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

    def sections(self, record, book, notebook, with_answers):
        "The sections of one student's page; those without anything to say are left out."
        answers, extras = self.theirs(notebook)
        parts, found = record.get("parts", {}), [Section("part-0", "Before the parts")]
        for cell in self.cells:
            if cell.cell_type == "markdown" and cell.source.startswith("## "):
                found.append(Section(f"part-{len(found)}", cell.source.splitlines()[0][3:].strip()))
            mark = intake.about(cell)
            if not mark: continue
            item = Item(mark["grade_id"])
            if mark.get("solution") and item.grade_id in answers:
                theirs = answers[item.grade_id]
                if cell.cell_type == "code":
                    item.code, item.outputs = text(intake.text(theirs.get("source"))), [*self.outputs.shown(theirs.get("outputs"), item.grade_id)]
                else: item.answer = markdown(intake.text(theirs.get("source")))
            if mark.get("grade") or mark.get("task") and mark.get("points"):
                part, row = parts.get(item.grade_id, {}), book.rows.get(item.grade_id)
                item.points, item.message = float(mark["points"]), self.outputs.safe(part.get("message"))
                if part.get("message") == record.get("message"): item.message = ""   # of the whole submission, said once at the top
                item.score = row.score if row else float(part.get("score") or 0)
                by_hand = mark.get("solution") and notebook["cells"] and record.get("needs_manual")
                item.waits = row.waits and row.manual is None if row else bool(by_hand)
            item.comment = text(book.comments.get(item.grade_id))
            if with_answers and self.references.get(item.grade_id) != item.code: item.reference = self.references.get(item.grade_id, "")
            if item.code is not None or item.answer is not None or item.points or item.comment or item.reference:
                found[-1].items.append(item)
            for number, theirs in enumerate(extras.get(item.grade_id, ())[:EXTRA_CELLS], 1):
                name = text(theirs.get("id"), 60) or f"{item.grade_id}, number {number}"
                found[-1].items.append(Item(name, text(intake.text(theirs.get("source"))), extra=True,
                                            outputs=[*self.outputs.shown(theirs.get("outputs"), "an extra cell")]))
        return [section for section in found if section.items]


def without_markers(source):
    return "\n".join(line for line in source.splitlines() if not REGION.search(line)).strip("\n")


STYLE = """
:root { color-scheme: light }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 52rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.3rem; border-bottom: 2px solid #555; margin-top: 2.5rem } h3 { font-size: 1.05rem; margin: 1.5rem 0 .3rem }
h4 { font-size: 1rem; margin: .8rem 0 .2rem }
p.test { margin: .5rem 0 .2rem }
a { color: #0b4a8f }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .875rem/1.45 ui-monospace, monospace; margin: .2rem 0; padding: .6rem; border: 1px solid #767676; background: #f7f7f7; tab-size: 4 }
pre.output { background: #fff; border-left-width: 4px } pre.reference { border-style: dashed }
.label { font-size: .875rem; margin: .6rem 0 0 } .total { font-size: 1.3rem }
.box { border: 2px solid #1a1a1a; padding: .6rem 1rem; margin: 1rem 0; overflow-wrap: anywhere }
.answer, .comment { border-left: 4px solid #555; padding-left: 1rem; overflow-wrap: anywhere }
.comment { white-space: pre-wrap }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 } caption { text-align: left; font-weight: bold; padding-bottom: .3rem }
th, td { border-bottom: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top } td, bdi { overflow-wrap: anywhere }
th bdi { display: inline-block; width: max-content; max-width: 24rem }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums } td.number, td.word { white-space: nowrap }
@media (max-width: 40rem) { body { padding: .5rem } th, td { padding: .2rem; font-size: .875rem } tbody th { overflow-wrap: anywhere } th bdi { max-width: 9rem } }
img { max-width: 100%; height: auto; border: 1px solid #767676 }
@media print { body { max-width: none; padding: 0 } h2, h3, .label { break-after: avoid } tr, img { break-inside: avoid } }
"""
POLICY = (f"default-src 'none'; img-src data:; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
          "base-uri 'none'; form-action 'none'")

TEMPLATES = {"page": """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
<body>
{% block body %}{% endblock %}
</body>
</html>
""", "feedback": """{% extends "page" %}{% block body %}
<header>
<h1>Feedback on {{ assignment }}</h1>
<p>Student: <bdi>{{ student }}</bdi></p>
<p class="total"><strong>{{ score|points }} of {{ max_score|points }} points</strong>{% if waits %}, and a part that a person will grade{% endif %}</p>
{% if penalty %}<p>{{ penalty|points }} points are taken off because it came late.</p>{% endif %}
{% if status %}<div class="box"><p><strong>{{ status[0] }}.</strong> {{ status[1] }}</p>{% if message %}<p>The grader said: {{ message }}</p>{% endif %}</div>{% endif %}
{% for note in notes if not status or note not in message %}<p>Note: {{ note }}</p>{% endfor %}
</header>
<nav aria-label="Parts">
<table>
<caption>Points by part</caption>
<thead><tr><th scope="col">Part</th><th scope="col" class="number">Points</th><th scope="col" class="number">of</th></tr></thead>
<tbody>
{% for section in sections if section.points %}
<tr><th scope="row"><a href="#{{ section.id }}">{{ section.title }}</a></th><td class="number">{{ section.score|points }}{% if section.waits %} (not all graded){% endif %}</td><td class="number">{{ section.points|points }}</td></tr>
{% endfor %}</tbody>
</table>
</nav>
<main>
{% for section in sections %}<section>
<h2 id="{{ section.id }}">{{ section.title }}</h2>
{% for item in section.items %}<article>
{% if item.code is not none or item.answer is not none %}<h3>{{ "Your extra cell" if item.extra else "Your answer" if item.answer is not none else "Your code" }}: {{ item.grade_id }}</h3>
{% if item.code is not none %}<pre><code>{{ item.code }}</code></pre>{% else %}<div class="answer">{{ item.answer }}</div>{% endif %}
{% for output in item.outputs %}<p class="label">{{ output.label }}</p>
{% if output.src is defined %}<img src="{{ output.src }}" alt="{{ output.alt }}">{% else %}<pre class="output">{{ output.text }}</pre>{% endif %}
{% endfor %}{% endif %}
{% if item.points %}<p class="test"><strong>{{ item.grade_id }}: {{ item.score|points }} of {{ item.points|points }}</strong>, {{ item.verdict }}</p>
{% if item.message %}<pre class="output">{{ item.message }}</pre>{% endif %}{% endif %}
{% if item.comment %}<p class="label">Comment on {{ item.grade_id }}</p><div class="comment">{{ item.comment }}</div>{% endif %}
{% if item.reference %}<p class="label">Reference for {{ item.grade_id }}</p><pre class="reference">{{ item.reference }}</pre>{% endif %}
</article>
{% endfor %}</section>
{% endfor %}</main>
{% endblock %}"""}


def environment(**more):
    "jinja2 with escaping on for every template here and in `more`."
    found = jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES | more), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    found.filters["points"] = lambda value: f"{round(value, 2):g}"
    found.globals |= {"style": Markup(STYLE), "policy": POLICY, "assignment": ASSIGNMENT}
    return found


def regular(root, path, most):
    "The bytes of file `path` below `root`; ValueError for links on the way, devices, pipes, and more than `most` bytes."
    root, path = Path(root), Path(path)
    for part in [*path.relative_to(root).parents][:-1]:
        if (root / part).is_symlink(): raise ValueError(f"{part} is a symbolic link")
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)), "rb") as f:
        about = os.fstat(f.fileno())
        if not stat.S_ISREG(about.st_mode): raise ValueError(f"{path.name} is no ordinary file")
        data = f.read(most + 1)
    if len(data) > most: raise ValueError(f"{path.name} is larger than {most} bytes")
    return data


def autograded(gradebook, student):
    "The graded notebook of a student; one without cells where there is none that can be read."
    try:
        notebook = json.loads(regular(gradebook.directory.root, gradebook.path("autograded", student) / f"{ASSIGNMENT}.ipynb", NOTEBOOK_BYTES))
        return notebook if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list) else {"cells": []}
    except (OSError, ValueError, RecursionError):
        return {"cells": []}


def keep_for_release(gradebook, student, folder):
    "Put beside the page what `nbgrader release_feedback` asks for: time of submission, and the secret of one that came by the exchange."
    for step, name in (("autograded", "timestamp.txt"), ("submitted", "submission_secret.txt")):
        try: put(folder / name, regular(gradebook.directory.root, gradebook.path(step, student) / name, 1000).decode())
        except (OSError, ValueError): (folder / name).unlink(missing_ok=True)


def write(course, with_answers=False, db=None, progress=None):
    """Write feedback/STUDENT/20_capstone/20_capstone.html for every graded student of the course; returns the folders.

    `with_answers`: show the reference solutions too, once resubmission is over; `progress(done, total)` after each student.
    """
    with opened(course, db) as gradebook:
        source = gradebook.trusted_notebook()
        released = gradebook.path("release", ".") / f"{ASSIGNMENT}.ipynb"
        try: lesson = Lesson(source, nbformat.read(released, as_version=4))
        except (OSError, ValueError, LookupError, AttributeError): lesson = Lesson(source)   # it tells only which cells are not a student's
        template, found, graded, folders = environment().get_template("feedback"), books(gradebook), records(course), []
        students = sorted(found.keys() | graded.keys())
        for done, student in enumerate(students, 1):
            record, book = graded.get(student, {}), found.get(student, Book())
            sections = lesson.sections(record, book, autograded(gradebook, student), with_answers)
            status = record.get("status", "graded")
            html = template.render(
                title=f"Feedback on {ASSIGNMENT}", student=text(student), sections=sections, penalty=book.penalty,
                score=max(0, sum(section.score for section in sections) - book.penalty), max_score=sum(section.points for section in sections),
                notes=[lesson.outputs.safe(note) for note in record.get("notes") or () if isinstance(note, str) and not note.startswith("a look: ")],
                waits=any(section.waits for section in sections), message=lesson.outputs.safe(record.get("message")),
                status=None if status == "graded" else (status.capitalize(), STATUS.get(status, "")))
            folder = gradebook.path("feedback", student)
            put(folder / f"{ASSIGNMENT}.html", html)
            keep_for_release(gradebook, student, folder)
            folders.append(folder)
            if progress: progress(done, len(students))
    return folders
