"""The only writer of grades: nbgrader's own database and `autograded/`, one transaction a student.

Threat: a grade is lost, doubled or left half written when the grader is killed, the disk is full or another program
holds the database; or a person's marks are overwritten. The notebook is put in place by a rename, then one
transaction holds everything about a student, and whatever a person entered (manual scores, comments, extra credit,
extensions) is never touched.
"""
import hashlib
import importlib.util
import json
import math
import os
import re
import shutil
import sqlite3
import sys
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from importlib.resources import files
from json.encoder import encode_basestring
from pathlib import Path

# jsonschema, which nbgrader imports, builds a grammar for a format that no notebook uses: half of the time of the whole
# import.
GRAMMAR = "rfc3987_syntax"
if unused := GRAMMAR not in sys.modules: sys.modules[GRAMMAR] = None
import nbformat  # noqa: E402
from nbgrader import api, utils  # noqa: E402
from nbgrader.coursedir import CourseDirectory  # noqa: E402
from nbgrader.preprocessors import (  # noqa: E402
    AssignLatePenalties,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
    SaveCells,
)

if unused: del sys.modules[GRAMMAR]
from sqlalchemy import create_engine, func, inspect, make_url, select  # noqa: E402
from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # noqa: E402
from traitlets.config import Config, PyFileConfigLoader  # noqa: E402

from . import lms  # noqa: E402
from .judge import blank  # noqa: E402
from .notebook import CHECKS, Beside, Trusted, about, squeezed, text  # noqa: E402

ASSIGNMENT = "20_capstone"
WHOLE = "What was recorded before is whole: run the command again and it goes on from there"
NOTES, NOTE = 3, 160   # of a student in a row, characters of each; the report has them all
# what a record of a student has
STATE = {"student", "status", "parts", "message", "seconds", "sha256", "against", "sandbox", "limits", "auto"}
PART = {"score", "max_score", "message"}
# of what lies beside the notebooks of an assignment; each submission has it in its cages
MOST_FILES, FILES_BYTES = 2000, 512 * 2**20
NO_RESPONSE = "No response."   # nbgrader's comment on a solution cell that is as it was released


class GradebookError(RuntimeError):
    "The gradebook, or what it is made from, cannot be read or written; the message is one line that says what to do."


@dataclass
class Mark:
    "One graded cell of one student: what the tests gave, what a person gave, and whether it waits for a person."
    max_score: float
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    waits: bool = False
    message: str = ""

    @property
    def score(self):
        "Points as nbgrader counts them: a person's mark before the tests', extra credit on top of either."
        points = self.auto if self.manual is None else self.manual
        return 0.0 if points is None else points + (self.extra or 0.0)

    @property
    def outdated(self):
        "Whether a person's mark counts that was given for an answer which has changed since."
        return self.waits and self.manual is not None

    @property
    def said(self):
        "The message that goes with the points."
        if self.outdated:
            return (f"{self.manual:g} points were given for an earlier answer; it has changed and waits to be "
                    "marked again")
        return self.message


@dataclass
class Grade:
    """All that the course says about one student's work: marks by part, late penalty, and how the run ended.

    Merged once, read by everyone."""
    student: str
    parts: dict = field(default_factory=dict)      # {part: Mark}, in the order of the assignment
    penalty: float = 0.0
    comments: dict = field(default_factory=dict)   # {part or solution cell: what a person wrote}
    status: str = "graded"
    message: str = ""
    notes: list = field(default_factory=list)
    seconds: float = 0.0
    sandbox: bool = True
    timestamp: datetime | None = None
    late_s: float = 0.0
    name: str = ""
    submitted: bool = True

    @property
    def score(self):
        return max(0.0, sum(mark.score for mark in self.parts.values()) - self.penalty)

    @property
    def max_score(self):
        return sum(mark.max_score for mark in self.parts.values())

    @property
    def waiting(self):
        "Points of the parts that wait for a person."
        return sum(mark.max_score for mark in self.parts.values() if mark.waits)

    @property
    def outdated(self):
        return [part for part, mark in self.parts.items() if mark.outdated]

    @property
    def beyond(self):
        "Parts with a person's mark below 0 or above what the part is worth."
        return [part for part, mark in self.parts.items() if not 0 <= (mark.manual or 0) <= mark.max_score]

    @property
    def said(self):
        "The message of the run, then what a person should know: late, marks for earlier answers, the first notes."
        notes = [note for note in self.notes if note not in self.message]
        notes = [f"{note[:NOTE]}..." if len(note) > NOTE else note for note in notes]
        if len(notes) > NOTES: notes[NOTES:] = [f"{len(notes) - NOTES} more notes in the report"]
        if self.outdated:
            notes.insert(0,
                         f"{', '.join(self.outdated)}: marked for an earlier answer, which has changed; mark it again")
        if self.beyond: notes.insert(0, f"{', '.join(self.beyond)}: marked outside of what the part is worth")
        if self.penalty: notes.insert(0, f"late: {self.penalty:g} points taken off")
        return "; ".join(filter(None, [self.message, *notes]))

    def row(self):
        "What `--json` says about the student."
        return {"student": self.student, "status": self.status, "score": self.score, "max_score": self.max_score,
                "needs_manual": any(mark.waits for mark in self.parts.values()),
                "parts": {part: {"score": mark.score, "max_score": mark.max_score, "message": mark.said}
                          for part, mark in self.parts.items()},
                "seconds": self.seconds, "message": self.said}


@contextmanager
def writing():
    "For an error after grading began: what has become of what was recorded before."
    try: yield
    except GradebookError as e: raise GradebookError(f"{e}. {WHOLE}") from e


def unusable(source, error):
    "The GradebookError about a trusted notebook that could not be read."
    why = error.strerror if isinstance(error, OSError) and error.strerror else "is no notebook of an assignment"
    return GradebookError(f"{source}: {why}; expected the trusted notebook: run `capstone course` again")


def legible(course):
    "The path of a course, resolved; GradebookError where nbgrader would take it for another."
    course = Path(course).resolve()
    if odd := sorted(set("?%[]{}*") & set(str(course))):
        raise GradebookError(f"{course}: got {' '.join(odd)} in the path, which nbgrader reads as a pattern or part of "
                             "an address; "
                             "give the folders names without ? % [ ] { } *")
    return course


def course_directory(course, db_url=None):
    """nbgrader's CourseDirectory and configuration of the course in folder `course`, with the database `db_url`
    where one is given."""
    course, config = legible(course), Config()
    db_url = rooted(db_url, Path.cwd()) if db_url else None
    if (course / "nbgrader_config.py").is_file():
        try:
            config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
        except Exception as e:   # the file is Python: anything can happen in it
            raise GradebookError(f"{course / 'nbgrader_config.py'}: {type(e).__name__}: {e}; expected nbgrader's "
                                 "configuration") from e
    config.CourseDirectory.pop("assignment_id", None)
    directory = CourseDirectory(config=config, root=str(course), **({"db_url": db_url} if db_url else {}))
    directory.db_url = rooted(directory.db_url, course)
    # what SQLAlchemy before 2.1 takes for PostgreSQL; ours is its successor
    if not importlib.util.find_spec("psycopg2"):
        directory.db_url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", directory.db_url)
    return directory, config


def rooted(url, folder):
    "The address `url`, an SQLite file in it looked for from `folder` and not from wherever the next command runs."
    try: parts = make_url(url)
    except ArgumentError: return url   # which `database` explains
    if parts.get_backend_name() != "sqlite" or re.match(r"$|:memory:|file:", parts.database or ""): return url
    return parts.set(database=str(Path(folder, parts.database))).render_as_string(hide_password=False)


def database(url):
    "What tells one database from another in the address `url`: password, driver and options do not."
    try: url = make_url(url)
    except ArgumentError as e:
        raise GradebookError(f"{str(url).rpartition('@')[2]}: {e}; {advice(e, str(e))}") from None
    kind = url.get_backend_name().replace("postgres", "postgresql", "postgresql" not in url.get_backend_name())
    return (kind, url.username, url.host, url.port, os.path.realpath(url.database) if kind == "sqlite" and url.database
            else url.database)


def remembered(course, url):
    """The database of `course` when a command names `url`: that of the course's configuration; GradebookError where
    they differ."""
    directory, config = course_directory(course)
    own = directory.db_url
    if database(url) == database(own): return url
    plain = make_url(own).render_as_string(hide_password=True)
    if config.CourseDirectory.get("db_url"):
        raise GradebookError(f"--db: got another database than this course's, {plain}; leave --db out, or change "
                             "c.CourseDirectory.db_url in "
                             f"{Path(directory.root) / 'nbgrader_config.py'} after moving the grades there")
    if submissions_in(Path(directory.root) / "gradebook.db"):
        raise GradebookError(f"--db: got another database than {plain}, where this course's grades are; leave --db "
                             "out, or move "
                             "gradebook.db away to begin again in the other one")
    return url


def submissions_in(path):
    "How many submissions the SQLite gradebook at `path` has; 0 where there is none."
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM submitted_assignment").fetchone()[0]
    except sqlite3.Error: return 0


def remember(course, url):
    "Write the database `url` into the configuration of `course`, without a password; every later command uses it."
    directory, config = course_directory(course)
    if database(url) == database(directory.db_url): return
    path, plain = Path(directory.root) / "nbgrader_config.py", make_url(rooted(url, Path.cwd()))
    plain = plain.set(password=None) if plain.password else plain
    before = path.read_text(encoding="utf-8") if path.exists() else "c = get_config()\n"
    put(path, f"{before.rstrip()}\n\n# The gradebook of this course, as first given to `capstone grade --db`; a "
              "password comes from ~/.pgpass or --db.\n"
              f"c.CourseDirectory.db_url = {plain.render_as_string(hide_password=False)!r}\n")


def split(cell):
    "`cell` with its texts as lists of lines, as nbformat stores them."
    cell = cell | {"source": cell["source"].splitlines(True)}
    if cell.get("outputs"):
        cell["outputs"] = [o | {"text": o["text"].splitlines(True)} if "text" in o else o | {"data": {
            mime: text.splitlines(True) if mime.startswith("text/")
            or mime in ("image/svg+xml", "application/javascript") else text
            for mime, text in o["data"].items()}} if "data" in o else o for o in cell["outputs"]]
    return cell


def indented(value, newline="\n"):
    "A JSON value in the bytes of nbformat, sorted and indented by 1; json indents in Python, ten times slower."
    if type(value) is str: return encode_basestring(value)
    inner = newline + " "
    if value and type(value) is dict:
        return f"{{{inner}" + f",{inner}".join([f"{encode_basestring(k)}: {indented(value[k], inner)}"
                                                for k in sorted(value)]) + newline + "}"
    if value and type(value) is list:
        return f"[{inner}" + f",{inner}".join([encode_basestring(v) if type(v) is str else indented(v, inner)
                                               for v in value]) + f"{newline}]"
    return json.dumps(value)


def put(path, text, mode=0o644):
    "Write `text` (or bytes) to `path` so that a reader, or a crash, finds the old file or the new one, whole."
    path = Path(path)
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
            os.fchmod(f.fileno(), mode)
        new.replace(path)
    except OSError as e:
        with suppress(OSError): new.unlink()
        raise GradebookError(f"{path}: {e.strerror}; {advice(e, str(e.strerror))}") from e


def tables(db_url):
    """Give a database without any nbgrader's tables and their version, which `api.Gradebook` would ask of
    the command `alembic`, found by its name on the PATH, for seconds."""
    engine = create_engine(db_url)
    try:
        with engine.begin() as line:
            if inspect(line).get_table_names(): return
            from alembic.migration import MigrationContext
            from alembic.script import ScriptDirectory
            api.Base.metadata.create_all(line)
            MigrationContext.configure(line).stamp(ScriptDirectory(str(files("nbgrader") / "alembic")), "head")
    finally: engine.dispose()


class Gradebook:
    "The gradebook of a course: SQLite in its folder, or the database that `db_url` names. A context manager."

    def __init__(self, course, db_url=None, assignment=ASSIGNMENT):
        if db_url: db_url = remembered(course, db_url)
        self.directory, self.config = course_directory(course, db_url)
        self.assignment, self.elsewhere = assignment, db_url is not None
        if self.directory.db_url in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
            raise GradebookError(f"{self.directory.db_url}: is a database in memory, which keeps nothing; expected one "
                                 "such as sqlite:///gradebook.db")
        self.late = AssignLatePenalties(config=self.config)
        self.late.init_plugin()
        self.late.log.setLevel("ERROR")
        with self.one_line():
            tables(self.directory.db_url)
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
        if hasattr(self, "book"):
            return self.book.engine.url.render_as_string(hide_password=True).removeprefix("sqlite:///")
        return self.directory.db_url.rpartition("@")[2].removeprefix("sqlite:///")

    # ---- where things lie

    @property
    def root(self):
        return Path(self.directory.root)

    @property
    def handed_in(self):
        return self.root / self.directory.submitted_directory

    def path(self, step, student):
        "The folder of `student` in submitted, autograded or feedback, wherever this course keeps it."
        return Path(self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, self.assignment))

    def sources(self):
        "{name: path} of the assignment's trusted notebooks; GradebookError where there is none."
        found = {path.stem: path for path in sorted(self.path("source", ".").glob("*.ipynb"))}
        if not found:
            raise unusable(self.path("source", ".") / f"{self.assignment}.ipynb",
                           FileNotFoundError(2, "No such file or directory"))
        return found

    @property
    def source(self):
        "The trusted notebook of an assignment that has one."
        return self.path("source", ".") / f"{self.assignment}.ipynb"

    def files(self):
        """{path: Beside} of what lies beside the notebooks in source/: data, modules. What release/ lacks is for the
        tests alone. GradebookError where it is too much for a cage."""
        source, release = self.path("source", "."), self.path("release", ".")
        given, found, total = lying(release, self.directory.ignore), {}, 0
        for name, path in (given | lying(source, self.directory.ignore)).items():   # where both have it: as stock does
            try: data = path.read_bytes()
            except OSError as e: raise GradebookError(f"{path}: {e.strerror}; {advice(e, str(e.strerror))}") from e
            total += len(data)
            if total > FILES_BYTES or len(found) == MOST_FILES:
                raise GradebookError(f"{source}: got over {MOST_FILES} files or {FILES_BYTES >> 20} MiB beside the "
                                     "notebooks, all of which go into every cage; keep a smaller sample there")
            found[name] = Beside(data, name in given or not release.is_dir())
        return found

    def trusted_notebook(self, path=None):
        "The trusted notebook at `path`, as nbformat reads it; GradebookError where it cannot."
        path = path or self.source
        try:
            notebook = nbformat.read(path, as_version=4)
            Trusted(notebook)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e: raise unusable(path, e) from e
        return notebook

    def releases(self, notebook):
        "[(digest, notebook)] of the releases of `notebook` that this course has made, the oldest first."
        kept, found = self.root / "_releases" / self.assignment / notebook, {}
        paths = sorted(kept.glob("*.ipynb"), key=lambda path: path.stat().st_mtime)
        for path in [*paths, self.path("release", ".") / f"{notebook}.ipynb"]:
            with suppress(OSError, ValueError, RecursionError):
                released = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(released.get("cells"), list): found.setdefault(release_digest(released), released)
        return [*found.items()]

    def keep_releases(self):
        "Keep a copy of each notebook in release/, so that what a student was given stays known after it changed."
        for path in sorted(self.path("release", ".").glob("*.ipynb")):
            released = path.read_text(encoding="utf-8")
            kept = (self.root / "_releases" / self.assignment / path.stem
                    / f"{release_digest(json.loads(released))}.ipynb")
            if not kept.exists(): put(kept, released)

    def part(self, notebook, grade_id):
        "What a part is called: its grade_id, after the notebook's name where the assignment has several."
        return grade_id if len(self.notebooks) == 1 else f"{notebook}/{grade_id}"

    def state_file(self, student):
        folder = self.root / "_grades"
        return (folder if self.assignment == ASSIGNMENT else folder / self.assignment) / f"{student}.json"

    def state(self, student):
        "What the last run left about a student; {} where that is nothing whole."
        try: state = json.loads(self.state_file(student).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError): return {}
        return state if isinstance(state, dict) and state.get("student") == student else {}

    def finished(self, student):
        "The state of a student whose last run was recorded to its end, or {}."
        state = self.state(student)
        whole = (state.keys() >= STATE and isinstance(state["auto"], (int, float)) and isinstance(state["parts"], dict)
                 and all(isinstance(part, dict) and part.keys() >= PART for part in state["parts"].values()))
        return state if whole else {}

    # ---- the assignment's cells

    def _read_cells(self):
        assignment = self.book.find_assignment(self.assignment)
        if not assignment.notebooks: raise api.MissingEntry(self.assignment)
        self.assignment_id, self.notebooks = (assignment.id,
                                              {notebook.name: notebook.id for notebook in assignment.notebooks})
        self.graded, self.tasks, self.answers, self.worth, self.released, self.home = {}, {}, {}, {}, {}, {}
        for notebook in assignment.notebooks:
            for cells, found in ((notebook.grade_cells, self.graded), (notebook.task_cells, self.tasks),
                                 (notebook.solution_cells, self.answers)):
                for cell in cells:
                    found[cell.id], self.home[cell.id] = self.part(notebook.name, cell.name), notebook.id
            self.worth |= {cell.id: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]}
            self.released |= {self.part(notebook.name, cell.name): (cell.source, cell.cell_type, cell.checksum)
                              for cell in notebook.source_cells}
        self.names = self.graded | self.tasks | self.answers
        self.book.db.remove()

    def _mirror(self):
        "Enter the assignment into a database that has never seen it, as `nbgrader generate_assignment` does."
        for name, path in self.sources().items():
            notebook = self.trusted_notebook(path)
            self.book.update_or_create_assignment(self.assignment)
            resources = {"nbgrader": {"notebook": name, "assignment": self.assignment, "db_url": self.directory.db_url}}
            for step in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums, SaveCells):
                try: notebook, resources = step(config=self.config).preprocess(notebook, resources)
                except RuntimeError as e:
                    raise GradebookError(f"{self.where()}: {e}; grade this version in another database") from e

    def check(self, parts):
        """GradebookError when the gradebook's graded cells are not those of the trusted notebooks, `parts` {part:
        points}.

        A database that `--db` names is brought up to date first: `capstone course` knows only the course's own.
        """
        if self.elsewhere and self._different(parts):
            with self.one_line():
                self._mirror()
                self._read_cells()
        if different := self._different(parts):
            raise GradebookError(f"{self.path('source', '.')}: its graded cells are not those of the gradebook "
                                 f"({', '.join(different[:3])}); "
                                 "run `capstone course` (or `nbgrader generate_assignment`) again")

    def _different(self, parts):
        here = {name: self.worth[cell] for cell, name in self.graded.items()}
        return sorted(name for name in here.keys() | (parts.keys() - set(self.tasks.values()))
                      if here.get(name) != parts.get(name))

    def points(self):
        "{part: points} of the assignment, in the order of its notebooks."
        worth = {self.names[cell]: points for cell, points in self.worth.items()}
        order = []
        with suppress(GradebookError, OSError, ValueError):
            for name, path in self.sources().items():
                order += [self.part(name, part.grade_id)
                          for part in Trusted(json.loads(path.read_text(encoding="utf-8"))).parts]
        return {part: worth[part]
                for part in [*(part for part in order if part in worth), *sorted(worth.keys() - set(order))]}

    # ---- reading grades

    def students(self):
        "The ids of all students the gradebook knows, with or without a submission."
        return self.roster().keys()

    def roster(self):
        "{student: name} of all students the gradebook knows; the name is empty where it has none but the id."
        with self.one_line():
            try:
                rows = self.book.db.execute(select(api.Student.id, api.Student.first_name, api.Student.last_name)).all()
                names = {student: " ".join(filter(None, name)) for student, *name in rows}
                return {student: name if name != student else "" for student, name in names.items()}
            finally: self.book.db.remove()

    def recorded(self):
        "{student: (points that tests gave, late penalty)} of everyone with a submission."
        query = (select(api.SubmittedAssignment.student_id, func.coalesce(func.sum(api.Grade.auto_score), 0.0))
                 .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
                 .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id)
                 .where(api.SubmittedAssignment.assignment_id == self.assignment_id)
                 .group_by(api.SubmittedAssignment.student_id))
        with self.one_line():
            try: return {student: auto for student, auto in self.book.db.execute(query).all()}
            finally: self.book.db.remove()

    def grades(self, students=None):
        "{student: Grade} of everyone with a submission or a record, or of those of `students` who have one; sorted."
        points, found = self.points(), {}
        with self.one_line():
            try: self._read_grades(found, students, points)
            finally: self.book.db.remove()
        states = students if students is not None else [path.stem for path in self.state_file("").parent.glob("*.json")]
        for student in {*states, *found}:
            state = self.state(student)
            if not state.keys() >= {"status", "parts"} or not isinstance(state["parts"], dict): continue
            if student not in found:
                # without a folder it is somebody whom the gradebook holds no more, or who was asked for by name
                if not students and not os.path.lexists(self.handed_in / student): continue
                found[student] = Grade(student, {part: Mark(worth) for part, worth in points.items()}, submitted=False)
            with_state(found[student], state)
        names = self.roster() if found else {}
        entered = {lms.one_form(student): name for student, name in names.items() if name}
        for student, grade in found.items():
            grade.name = names.get(student) or entered.get(lms.one_form(student), "")
        return dict(sorted(found.items()))

    def absent(self):
        "Grades without points of the roster's students who handed nothing in, sorted by name."
        names, there = self.roster(), set(map(lms.one_form, self.grades()))
        return [Grade(student, {}, status="absent", name=names[student], submitted=False)
                for student in sorted(names, key=lambda s: (names[s], s)) if lms.one_form(student) not in there]

    def _read_grades(self, found, students, points):
        assigned, notebook, grade, comment = api.SubmittedAssignment, api.SubmittedNotebook, api.Grade, api.Comment
        chosen = [assigned.assignment_id == self.assignment_id] + ([assigned.student_id.in_(students)]
                                                                   if students is not None else [])
        read = lambda *columns: (select(assigned.student_id, *columns).select_from(notebook)
                                 .join(assigned, notebook.assignment_id == assigned.id).where(*chosen))
        late = self._penalties(chosen)
        for student, penalty, timestamp in self.book.db.execute(
                read(notebook.late_submission_penalty, assigned.timestamp)):
            one = found.setdefault(student, Grade(student, {part: Mark(worth) for part, worth in points.items()},
                                                  timestamp=timestamp, late_s=late.get(student, 0.0)))
            one.penalty += penalty or 0.0
        for student, cell, auto, manual, extra, waits in self.book.db.execute(
                read(grade.cell_id, grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                .join(grade, grade.notebook_id == notebook.id)):
            if (mark := found[student].parts.get(self.names.get(cell))) is None: continue
            mark.auto, mark.manual, mark.extra, mark.waits = auto, manual, extra, bool(waits)
        for student, cell, said in self.book.db.execute(
                read(comment.cell_id, comment.comment).join(comment, comment.notebook_id == notebook.id)):
            if cell in self.names and said and said.strip(): found[student].comments[self.names[cell]] = said

    def _penalties(self, chosen):
        """{student: seconds late} of the submissions `chosen`, their penalties brought up to date: a mark, an extension
        or another due date since the last run changes what is taken off."""
        db, assigned, notebook, late = self.book.db, api.SubmittedAssignment, api.SubmittedNotebook, {}
        penalized = set(db.scalars(select(notebook.assignment_id).where(notebook.late_submission_penalty > 0)))
        for submission in db.scalars(select(assigned).where(*chosen)).all():
            seconds = submission.total_seconds_late if submission.timestamp is not None else 0.0
            late[submission.student_id] = seconds
            if seconds > 0 or submission.id in penalized:
                for row in submission.notebooks: self._penalize(submission, row)
        db.commit()
        return late

    # ---- writing grades

    def record(self, result, timestamp=None, **about):
        """Enter `result`: autograded/, then one transaction in the gradebook, then `_grades/STUDENT.json` with what
        `about` adds.

        Killed anywhere, the record does not count as finished and still says which answers the marks of a person
        were given for. A missing submission changes the grades of an older one to 0, and is no submission where
        there was none.
        """
        before, now = self._earlier(result.student), digests(result, self.part)
        marked = dict(before.get("marked") or {})
        if before: put(self.state_file(result.student), json.dumps(before | {"sha256": None}, ensure_ascii=False))
        self._write_notebooks(result, timestamp)
        with self.one_line():
            try:
                auto = self._enter(result, utils.parse_utc(timestamp), before.get("answers") or {}, now, marked)
                self.book.db.commit()
            finally: self.book.db.remove()
        state = {name: value for name, value in vars(result).items() if name not in ("notebook", "notebooks")}
        put(self.state_file(result.student),
            json.dumps(state | about | {"auto": auto, "answers": now, "marked": marked}, ensure_ascii=False))

    def mark(self, student, part, points=None, comment=None, extra=None):
        "Enter what a person gives for one part, as Formgrader does; what is None, or an empty comment, is left."
        cells, notebook = [cell for cell, name in self.names.items() if name == part], api.SubmittedNotebook
        mine = (select(notebook.id).join(api.SubmittedAssignment, notebook.assignment_id == api.SubmittedAssignment.id)
                .where(api.SubmittedAssignment.student_id == student,
                       api.SubmittedAssignment.assignment_id == self.assignment_id))
        of_part = lambda kind: self.book.db.scalars(select(kind).where(kind.cell_id.in_(cells),
                                                                       kind.notebook_id.in_(mine)))
        with self.one_line():
            try:
                for grade in of_part(api.Grade):
                    if points is not None: grade.manual_score, grade.needs_manual_grade = points, False
                    if extra is not None: grade.extra_credit = extra
                for said in of_part(api.Comment):
                    if comment: said.manual_comment = comment
                self.book.db.commit()
            finally: self.book.db.remove()

    def _earlier(self, student):
        "The state before this run; without one, the answers in autograded/, which a person may have marked."
        state, there = self.state(student), {}
        if "answers" in state: return state
        for name in self.notebooks:
            with suppress(OSError, ValueError, RecursionError):
                there[name] = json.loads((self.path("autograded", student)
                                          / f"{name}.ipynb").read_text(encoding="utf-8"))
        return {"student": student} | state | {"answers": digests_of(there, self.part)} if state or there else {}

    def refresh(self, student, timestamp):
        "Bring time of submission and late penalty of a graded submission up to date."
        with self.one_line():
            try:
                submission, notebooks = self._submission(student, utils.parse_utc(timestamp), create=False)
                for notebook in notebooks.values(): self._penalize(submission, notebook)
                self.book.db.commit()
            finally: self.book.db.remove()

    def _submission(self, student, timestamp, create):
        """The rows of a student's submission, {id of a notebook: its row}, new ones where there are none yet and
        `create`; else (None, {})."""
        db = self.book.db
        submission = db.scalars(select(api.SubmittedAssignment).where(
            api.SubmittedAssignment.assignment_id == self.assignment_id,
            api.SubmittedAssignment.student_id == student)).one_or_none()
        if submission is None:
            if not create: return None, {}
            known = db.get(api.Student, student) or api.Student(id=student)
            # nobody entered one: Formgrader would show `None, None`
            if not known.first_name and known.last_name in (None, "", student): self._name(known)
            db.add(known)
            submission = api.SubmittedAssignment(id=api.new_uuid(), assignment_id=self.assignment_id,
                                                 student_id=student)
            db.add(submission)
        submission.timestamp = timestamp
        rows = {row.notebook_id: row for row in db.scalars(
            select(api.SubmittedNotebook).where(api.SubmittedNotebook.assignment_id == submission.id))}
        for notebook in self.notebooks.values():
            if notebook not in rows:
                rows[notebook] = api.SubmittedNotebook(id=api.new_uuid(), assignment_id=submission.id,
                                                       notebook_id=notebook)
                db.add(rows[notebook])
        db.flush()
        return submission, rows

    def _name(self, student):
        "Give a student the name that an LMS's download said, else the id as last name."
        name = ""
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            file = json.loads((self.root / ".capstone_lms").read_text(encoding="utf-8"))["names"][student.id]
            name = lms.full_name(file)
        student.first_name, _, student.last_name = name.rpartition(" ") if name else ("", "", student.id)

    def _enter(self, result, timestamp, before, now, marked):
        """Scores, marks that wait, comments and penalties of `result`; returns the points that tests gave.

        `marked` is brought up to date."""
        db = self.book.db
        submission, rows = self._submission(result.student, timestamp, create=result.status != "missing")
        if submission is None: return 0.0
        theirs, answered = [row.id for row in rows.values()], written(result, self.part)
        grades = {grade.cell_id: grade
                  for grade in db.scalars(select(api.Grade).where(api.Grade.notebook_id.in_(theirs)))}
        for cell in [*self.graded, *self.tasks]:
            if cell not in grades:
                grades[cell] = api.Grade(cell_id=cell, notebook_id=rows[self.home[cell]].id)
                db.add(grades[cell])
        for cell, name in self.graded.items():
            grade = grades[cell]
            if name not in answered:
                grade.auto_score = float(result.parts[name]["score"] or 0) if name in result.parts else 0.0
            else: grade.auto_score = 0.0 if blank(answered[name]) or answered[name] == self.released[name][0] else None
        for cell, name in (self.graded | self.tasks).items(): self._wait(grades[cell], name, before, now, marked)
        self._say(db, rows, theirs, answered)
        db.flush()
        for row in rows.values(): self._penalize(submission, row)
        return sum(grade.auto_score or 0.0 for grade in grades.values())

    def _wait(self, grade, name, before, now, marked):
        """Whether a part waits for a person: an answer nobody marked, or a mark that was given for another answer
        than this. What is worth no points, as a mark scheme is, waits for nobody."""
        if grade.manual_score is None:
            grade.needs_manual_grade = name in now and grade.auto_score is None and self.worth[grade.cell_id] > 0
            return
        # it stood, so it was for the answer before
        if grade.needs_manual_grade is False and name in before: marked[name] = before[name]
        grade.needs_manual_grade = name not in marked or marked[name] != now.get(name)

    def _say(self, db, rows, theirs, answered):
        "nbgrader's own comment on cells that are as they were released."
        comments = {comment.cell_id: comment
                    for comment in db.scalars(select(api.Comment).where(api.Comment.notebook_id.in_(theirs)))}
        for cell in [*self.answers, *self.tasks]:
            if cell not in comments:
                comments[cell] = api.Comment(cell_id=cell, notebook_id=rows[self.home[cell]].id)
                db.add(comments[cell])
        for cell, name in self.answers.items():
            empty = name in answered and name in self.graded.values() and blank(answered[name])
            comments[cell].auto_comment = NO_RESPONSE if empty or answered.get(name) == self.released[name][0] else None

    def _penalize(self, submission, notebook):
        "Late penalty by the course's own plugin, as stock autograde assigns it."
        notebook.late_submission_penalty = None
        late = submission.total_seconds_late if submission.timestamp is not None else 0
        if late > 0:
            penalty = self.late.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late)
            if penalty is not None: notebook.late_submission_penalty = self.late._check_late_penalty(notebook, penalty)

    def _write_notebooks(self, result, timestamp):
        """autograded/STUDENT/ASSIGNMENT as nbgrader leaves it, for Formgrader and feedback; nothing there when there
        is no notebook."""
        folder, notebooks = self.path("autograded", result.student), notebooks_of(result)
        if not notebooks:
            shutil.rmtree(folder, ignore_errors=True)
            return
        mode = int(str(664 if self.directory.groupshared else 444), 8)
        for name, notebook in notebooks.items():
            cells = []
            for cell in map(split, notebook["cells"]):
                mark = cell["metadata"].get("nbgrader", {})
                if known := self.released.get(self.part(name, mark.get("grade_id"))):
                    cell["metadata"] = (cell["metadata"]
                                        | {"nbgrader": mark | {"checksum": known[2], "cell_type": known[1]}})
                cells.append(cell)
            put(folder / f"{name}.ipynb", indented(notebook | {"cells": cells}) + "\n", mode)
        if timestamp is not None: put(folder / "timestamp.txt", timestamp, mode)
        else: (folder / "timestamp.txt").unlink(missing_ok=True)


def lying(folder, ignore):
    """{path: where it is} of the files in `folder` that are no notebooks, hidden, or named by a pattern of `ignore`."""
    found = {}
    for way, folders, names in os.walk(folder):
        wanted = lambda name: name[0] != "." and not any(fnmatch(name, pattern) for pattern in [*ignore, "__pycache__"])
        folders[:] = sorted(filter(wanted, folders))
        for name in sorted(filter(wanted, names)):
            if not name.endswith((".ipynb", ".pyc")) and name != CHECKS and (path := Path(way, name)).is_file():
                found[path.relative_to(folder).as_posix()] = path
    return found


def release_digest(notebook):
    "What a released notebook is called: the first characters of the SHA-256 of its cells' texts."
    return hashlib.sha256(json.dumps([squeezed(text(cell.get("source")) or "")
                                      for cell in notebook["cells"]]).encode()).hexdigest()[:12]


def with_state(grade, state):
    "Put what the last run said about a student into `grade`: status, notes, and the messages of its parts."
    grade.status, grade.message = (str(state["status"]), state.get("message") if isinstance(state.get("message"), str)
                                   else "")
    grade.notes = [note for note in state.get("notes") or () if isinstance(note, str)]
    seconds = state.get("seconds")
    grade.seconds = float(seconds) if isinstance(seconds, (int, float)) and math.isfinite(seconds) else 0.0
    grade.sandbox = state.get("sandbox", True) is not False
    for part, said in state["parts"].items():
        if not isinstance(said, dict) or part not in grade.parts: continue
        mark = grade.parts[part]
        mark.message = said.get("message") if isinstance(said.get("message"), str) else ""
        if not grade.submitted and isinstance(said.get("score"), (int, float)): mark.auto = float(said["score"])


def notebooks_of(result):
    "{name: notebook} that a result leaves in autograded/."
    found = getattr(result, "notebooks", None) or ({ASSIGNMENT: result.notebook} if result.notebook else {})
    return {name: notebook for name, notebook in found.items() if notebook}


def written(result, part):
    "{part: source} of the solution cells in the notebooks of `result`."
    return {part(name, about(cell)["grade_id"]): cell["source"] for name, notebook in notebooks_of(result).items()
            for cell in notebook["cells"]
            if about(cell).get("solution")}


def digests(result, part):
    "`digests_of` the notebooks of `result`."
    return digests_of(notebooks_of(result), part)


def digests_of(notebooks, part):
    """{part: SHA-256 of what a mark of it is about}, by which a person's mark is kept or waits again.

    What a student writes is its own text and pictures, a test stands for the code of its notebook, a task for all of
    its cells."""
    sha256 = lambda value: hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8", "replace")).hexdigest()
    found = {}
    for name, notebook in notebooks.items():
        cells = ([cell for cell in notebook.get("cells", ()) if isinstance(cell, dict)] if isinstance(notebook, dict)
                 else [])
        says = lambda cell: [(text(cell.get("source")) or "").strip(), cell.get("attachments") or {}]
        code = sha256([says(cell) for cell in cells if cell.get("cell_type") == "code"
                       and (about(cell).get("solution") or not about(cell))])
        every = sha256([says(cell) for cell in cells if not about(cell).get("locked")])
        for cell in cells:
            mark = about(cell)
            if not isinstance(mark.get("grade_id"), str) or not any(map(mark.get, ("grade", "task", "solution"))):
                continue
            found[part(name, mark["grade_id"])] = (sha256(says(cell)) if mark.get("solution")
                                                   else every if mark.get("task") else code)
    return found


def advice(error, said):
    "What to do about a database or a file that refuses."
    if isinstance(error, ArgumentError):
        return "expected a database URL such as sqlite:///gradebook.db or postgresql://USER@HOST/NAME"
    for words, what in {"locked": "another program is writing to it: close that one or wait",
                        "full": "make room on the disk", "No space": "make room on the disk",
                        "quota": "make room on the disk", "File too large": "make room on the disk",
                        "disk I/O": "the disk is full or failing: make room",
                        "readonly": "you may not write there: use the account that owns the course",
                        "unable to open": "see that the folder exists and that you may write there",
                        "no such column": "it was made by another version: run `nbgrader db upgrade`",
                        "not a database": "the file is damaged or something else: restore it from a copy",
                        "No module named": "install the driver, for PostgreSQL `pip install '.[scale]'`"}.items():
        if words in said: return what
    return ("see that you may write there" if isinstance(error, OSError)
            else "see that the server runs and that URL, name and password are right")
