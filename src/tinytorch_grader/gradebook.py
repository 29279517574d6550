"""The only writer of grades: nbgrader's own database and `autograded/`, one transaction a student.

Threat: a grade is lost, doubled or left half written when the grader is killed, the disk is full or another program holds the
database; or a person's marks are overwritten. The notebook is put in place by a rename, then one transaction holds everything about a
student, and whatever a person entered (manual scores, comments, extra credit, extensions) is never touched.
"""
import importlib.util
import json
import os
import re
import shutil
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from pathlib import Path

# jsonschema, which nbgrader imports, builds a grammar for a format that no notebook uses: half of the time of the whole import.
GRAMMAR = "rfc3987_syntax"
if unused := GRAMMAR not in sys.modules: sys.modules[GRAMMAR] = None
import nbformat  # noqa: E402
from nbgrader import api, utils  # noqa: E402
from nbgrader.coursedir import CourseDirectory  # noqa: E402
from nbgrader.preprocessors import AssignLatePenalties, ClearOutput, ClearSolutions, ComputeChecksums, LockCells, SaveCells  # noqa: E402

if unused: del sys.modules[GRAMMAR]
from sqlalchemy import case, func, or_, select  # noqa: E402
from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # noqa: E402
from traitlets.config import Config, PyFileConfigLoader  # noqa: E402

from . import intake, marks  # noqa: E402

ASSIGNMENT = "20_capstone"
WHOLE = "What was recorded before is whole: run the command again and it goes on from there"
NO_RESPONSE = "No response."   # nbgrader's comment on a solution cell that is as it was released


class GradebookError(RuntimeError):
    "The gradebook, or what it is made from, cannot be read or written; the message is one line that says what to do."


@dataclass
class Recorded:
    "What the gradebook says about one student: automatic score, scores a person had a hand in, points that wait for one, late penalty."
    auto: float = 0.0
    manual: dict = field(default_factory=dict)
    waiting: float = 0.0
    penalty: float = 0.0


@contextmanager
def writing():
    "For an error after grading began: what has become of what was recorded before."
    try: yield
    except GradebookError as e: raise GradebookError(f"{e}. {WHOLE}") from e


def unusable(source, error):
    "The GradebookError about a trusted notebook that could not be read."
    why = error.strerror if isinstance(error, OSError) and error.strerror else "is no notebook of an assignment"
    return GradebookError(f"{source}: {why}; expected the trusted notebook: run `capstone course` again")


def course_directory(course, db_url=None):
    "nbgrader's CourseDirectory and configuration of the course in folder `course`, with the database `db_url` where one is given."
    course = Path(course).resolve()
    config = Config()
    if (course / "nbgrader_config.py").is_file():
        try:
            config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
        except Exception as e:   # the file is Python: anything can happen in it
            raise GradebookError(f"{course / 'nbgrader_config.py'}: {type(e).__name__}: {e}; expected nbgrader's configuration") from e
    config.CourseDirectory.pop("assignment_id", None)
    directory = CourseDirectory(config=config, root=str(course), **({"db_url": db_url} if db_url else {}))
    if not importlib.util.find_spec("psycopg2"):   # what SQLAlchemy before 2.1 takes for PostgreSQL; ours is its successor
        directory.db_url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", directory.db_url)
    return directory, config


def split(cell):
    "`cell` with its texts as lists of lines, as nbformat stores them."
    cell = cell | {"source": cell["source"].splitlines(True)}
    if cell.get("outputs"):
        cell["outputs"] = [o | {"text": o["text"].splitlines(True)} if "text" in o else o | {"data": {
            mime: text.splitlines(True) if mime.startswith("text/") or mime in ("image/svg+xml", "application/javascript") else text
            for mime, text in o["data"].items()}} if "data" in o else o for o in cell["outputs"]]
    return cell


def indented(value, newline="\n"):
    "A JSON value in the bytes of nbformat, sorted and indented by 1; json indents in Python, ten times slower."
    if type(value) is str: return encode_basestring(value)
    inner = newline + " "
    if value and type(value) is dict:
        return f"{{{inner}" + f",{inner}".join([f"{encode_basestring(k)}: {indented(value[k], inner)}" for k in sorted(value)]) + newline + "}"
    if value and type(value) is list:
        return f"[{inner}" + f",{inner}".join([encode_basestring(v) if type(v) is str else indented(v, inner) for v in value]) + f"{newline}]"
    return json.dumps(value)


def put(path, text, mode=0o644):
    "Write `text` to `path` so that a reader, or a crash, finds the old file or the new one and nothing between."
    path = Path(path)
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="replace") as f:
            f.write(text)
            os.fchmod(f.fileno(), mode)
        new.replace(path)
    except OSError as e:
        with suppress(OSError): new.unlink()
        raise GradebookError(f"{path}: {e.strerror}; {advice(e, str(e.strerror))}") from e


class Gradebook:
    "The gradebook of a course: SQLite in its folder, or the database that `db_url` names. A context manager."

    def __init__(self, course, db_url=None):
        self.directory, self.config = course_directory(course, db_url)
        self.elsewhere = db_url is not None
        if self.directory.db_url in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
            raise GradebookError(f"{self.directory.db_url}: is a database in memory, which keeps nothing; expected one such as sqlite:///gradebook.db")
        self.late = AssignLatePenalties(config=self.config)
        self.late.init_plugin()
        self.late.log.setLevel("ERROR")
        scripts = str(Path(sys.executable).parent)   # nbgrader calls `alembic` by name
        if scripts not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
        with self.one_line():
            self.book = api.Gradebook(self.directory.db_url, self.directory.course_id)
            try:
                self._read_cells()
            except api.MissingEntry:
                self._mirror()
                self._read_cells()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.book.close()

    @contextmanager
    def one_line(self):
        "Turn whatever the database says into a GradebookError that names it and what to do."
        try:
            yield
        except (SQLAlchemyError, api.InvalidEntry, ImportError) as e:
            said = str(getattr(e, "orig", None) or e).strip().splitlines()[0]
            raise GradebookError(f"{self.where()}: {said}; {advice(e, said)}") from e

    def where(self):
        "The database as a message may name it, without its password."
        if hasattr(self, "book"): return self.book.engine.url.render_as_string(hide_password=True).removeprefix("sqlite:///")
        return self.directory.db_url.rpartition("@")[2].removeprefix("sqlite:///")

    def path(self, step, student):
        "The folder of `student` in submitted, autograded or feedback, wherever this course keeps it."
        return Path(self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, ASSIGNMENT))

    @property
    def source(self):
        "The trusted notebook of the course."
        return self.path("source", ".") / f"{ASSIGNMENT}.ipynb"

    def trusted_notebook(self):
        "The trusted notebook, as nbformat reads it; GradebookError where it cannot."
        try:
            notebook = nbformat.read(self.source, as_version=4)
            intake.Trusted(notebook)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e: raise unusable(self.source, e) from e
        return notebook

    def _read_cells(self):
        notebook = self.book.find_notebook(ASSIGNMENT, ASSIGNMENT)
        self.notebook_id, self.assignment_id = notebook.id, notebook.assignment.id
        sources = {cell.name: (cell.source, cell.cell_type, cell.checksum) for cell in notebook.source_cells}
        self.graded = {cell.id: cell.name for cell in notebook.grade_cells}
        self.tasks = {cell.id: cell.name for cell in notebook.task_cells}
        self.worth = {cell.id: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]}
        self.answers = {cell.id: cell.name for cell in notebook.solution_cells}
        self.released = sources
        self.others = [other.id for other in notebook.assignment.notebooks if other.id != notebook.id]
        self.book.db.remove()

    def _mirror(self):
        "Enter the assignment into a database that has never seen it, as `nbgrader generate_assignment` does."
        notebook = self.trusted_notebook()
        self.book.update_or_create_assignment(ASSIGNMENT)
        resources = {"nbgrader": {"notebook": ASSIGNMENT, "assignment": ASSIGNMENT, "db_url": self.directory.db_url}}
        for step in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums, SaveCells):
            try: notebook, resources = step(config=self.config).preprocess(notebook, resources)
            except RuntimeError as e: raise GradebookError(f"{self.where()}: {e}; grade this version in another database") from e

    def check(self, parts):
        """GradebookError when the gradebook's graded cells are not the trusted notebook's `parts`.

        A database that `--db` names is brought up to date first: `capstone course` knows only the course's own.
        """
        if self.elsewhere and self._different(parts):
            with self.one_line():
                self._mirror()
                self._read_cells()
        if different := self._different(parts):
            raise GradebookError(f"{self.source}: its graded cells are not those of the gradebook ({', '.join(different[:3])}); "
                                 "run `capstone course` (or `nbgrader generate_assignment`) again")

    def _different(self, parts):
        here = {name: self.worth[cell] for cell, name in self.graded.items()}
        there = {part.grade_id: float(part.points) for part in parts}
        return sorted(name for name in here.keys() | (there.keys() - set(self.tasks.values())) if here.get(name) != there.get(name))

    def students(self):
        "The ids of all students the gradebook knows, with or without a submission."
        with self.one_line():
            try: return set(self.book.db.scalars(select(api.Student.id)))
            finally: self.book.db.remove()

    def recorded(self, students=None):
        "{student: Recorded} for everyone with a submission, or for those of `students` alone."
        query = (select(api.SubmittedAssignment.student_id, func.coalesce(func.sum(api.Grade.auto_score), 0.0),
                        func.count(api.Grade.manual_score) + func.count(api.Grade.extra_credit),
                        func.sum(case((api.Grade.needs_manual_grade, case(self.worth, value=api.Grade.cell_id, else_=0.0)), else_=0.0)),
                        func.max(api.SubmittedNotebook.late_submission_penalty))
                 .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
                 .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id)
                 .where(api.SubmittedNotebook.notebook_id == self.notebook_id).group_by(api.SubmittedAssignment.student_id))
        if students is not None: query = query.where(api.SubmittedAssignment.student_id.in_(students))
        with self.one_line():
            try:
                rows = {student: Recorded(auto, self._manual(student) if marked else {}, waiting, penalty or 0.0)
                        for student, auto, marked, waiting, penalty in self.book.db.execute(query).all()}
            finally: self.book.db.remove()
        return rows

    def _manual(self, student):
        grades = self.book.db.execute(
            select(api.Grade.cell_id, api.Grade.score).join(api.SubmittedNotebook).join(api.SubmittedAssignment)
            .where(api.SubmittedAssignment.student_id == student, api.SubmittedNotebook.notebook_id == self.notebook_id,
                   or_(api.Grade.manual_score.is_not(None), api.Grade.extra_credit.is_not(None)))).all()
        names = self.graded | self.tasks
        return {names[cell]: score for cell, score in grades if cell in names}

    def record(self, result, timestamp=None):
        """Enter `result`: first the notebook in autograded/, then everything else in one transaction; returns the Recorded.

        A missing submission changes the grades of an older one to 0, and is no submission where there was none.
        """
        self._write_notebook(result, timestamp)
        with self.one_line():
            try:
                self._enter(result, utils.parse_utc(timestamp))
                self.book.db.commit()
            finally: self.book.db.remove()
        return self.recorded([result.student]).get(result.student, Recorded())

    def refresh(self, student, timestamp, known):
        "Bring time of submission and late penalty of a graded submission up to date; returns `known` with the penalty of today."
        with self.one_line():
            try:
                submission, notebook = self._submission(student, utils.parse_utc(timestamp), create=False)
                self._penalize(submission, notebook)
                known.penalty = notebook.late_submission_penalty or 0.0
                self.book.db.commit()
            finally: self.book.db.remove()
        return known

    def _submission(self, student, timestamp, create):
        "The rows of a student's submission, new ones where there are none yet and `create`; (None, None) otherwise."
        db = self.book.db
        submission = db.scalars(select(api.SubmittedAssignment).where(
            api.SubmittedAssignment.assignment_id == self.assignment_id, api.SubmittedAssignment.student_id == student)).one_or_none()
        if submission is None:
            if not create: return None, None
            if db.get(api.Student, student) is None: db.add(api.Student(id=student))
            submission = api.SubmittedAssignment(id=api.new_uuid(), assignment_id=self.assignment_id, student_id=student)
            db.add(submission)
            for other in self.others: db.add(api.SubmittedNotebook(notebook_id=other, assignment_id=submission.id))
        submission.timestamp = timestamp
        notebook = db.scalars(select(api.SubmittedNotebook).where(
            api.SubmittedNotebook.assignment_id == submission.id, api.SubmittedNotebook.notebook_id == self.notebook_id)).one_or_none()
        if notebook is None:
            notebook = api.SubmittedNotebook(id=api.new_uuid(), assignment_id=submission.id, notebook_id=self.notebook_id)
            db.add(notebook)
        db.flush()
        return submission, notebook

    def _enter(self, result, timestamp):
        db = self.book.db
        submission, notebook = self._submission(result.student, timestamp, create=result.status != "missing")
        if submission is None: return
        answered = {c["metadata"]["nbgrader"]["grade_id"]: c["source"] for c in (result.notebook or {}).get("cells", ())
                    if c["metadata"].get("nbgrader", {}).get("solution")}
        grades = {grade.cell_id: grade for grade in db.scalars(select(api.Grade).where(api.Grade.notebook_id == notebook.id))}
        for cell in [*self.graded, *self.tasks]:
            if cell not in grades:
                grades[cell] = api.Grade(cell_id=cell, notebook_id=notebook.id)
                db.add(grades[cell])
        for cell, name in self.graded.items():
            grade = grades[cell]
            if name not in answered: grade.auto_score = float(result.parts[name]["score"] or 0) if name in result.parts else 0.0
            else: grade.auto_score = 0.0 if marks.blank(answered[name]) or answered[name] == self.released[name][0] else None
            grade.needs_manual_grade = bool(result.notebook) and (grade.manual_score is not None or grade.auto_score is None)
        if not result.notebook:
            for cell in self.tasks: grades[cell].needs_manual_grade = False
        comments = {comment.cell_id: comment for comment in db.scalars(select(api.Comment).where(api.Comment.notebook_id == notebook.id))}
        for cell in [*self.answers, *self.tasks]:
            if cell not in comments:
                comments[cell] = api.Comment(cell_id=cell, notebook_id=notebook.id)
                db.add(comments[cell])
        for cell, name in self.answers.items():
            empty = name in answered and name in self.graded.values() and marks.blank(answered[name])
            comments[cell].auto_comment = NO_RESPONSE if empty or answered.get(name) == self.released[name][0] else None
        db.flush()
        self._penalize(submission, notebook)

    def _penalize(self, submission, notebook):
        "Late penalty by the course's own plugin, as stock autograde assigns it."
        notebook.late_submission_penalty = None
        late = submission.total_seconds_late if submission.timestamp is not None else 0
        if late > 0:
            penalty = self.late.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late)
            if penalty is not None: notebook.late_submission_penalty = self.late._check_late_penalty(notebook, penalty)

    def _write_notebook(self, result, timestamp):
        "autograded/STUDENT/20_capstone as nbgrader leaves it, for Formgrader and feedback; nothing there when there is no notebook."
        folder = self.path("autograded", result.student)
        if not result.notebook:
            shutil.rmtree(folder, ignore_errors=True)
            return
        cells = []
        for cell in map(split, result.notebook["cells"]):
            mark = cell["metadata"].get("nbgrader", {})
            if known := self.released.get(mark.get("grade_id")):
                cell["metadata"] = cell["metadata"] | {"nbgrader": mark | {"checksum": known[2], "cell_type": known[1]}}
            cells.append(cell)
        mode = int(str(664 if self.directory.groupshared else 444), 8)
        put(folder / f"{ASSIGNMENT}.ipynb", indented(result.notebook | {"cells": cells}) + "\n", mode)
        if timestamp is not None: put(folder / "timestamp.txt", timestamp, mode)
        else: (folder / "timestamp.txt").unlink(missing_ok=True)


def advice(error, said):
    "What to do about a database or a file that refuses."
    if isinstance(error, ArgumentError): return "expected a database URL such as sqlite:///gradebook.db or postgresql://USER@HOST/NAME"
    for words, what in {"locked": "another program is writing to it: close that one or wait",
                        "full": "make room on the disk", "No space": "make room on the disk", "quota": "make room on the disk", "File too large": "make room on the disk",
                        "disk I/O": "the disk is full or failing: make room",
                        "readonly": "you may not write there: use the account that owns the course",
                        "unable to open": "see that the folder exists and that you may write there",
                        "no such column": "it was made by another version: run `nbgrader db upgrade`",
                        "not a database": "the file is damaged or something else: restore it from a copy",
                        "No module named": "install the driver, for PostgreSQL `pip install '.[scale]'`"}.items():
        if words in said: return what
    return "see that you may write there" if isinstance(error, OSError) else "see that the server runs and that URL, name and password are right"
