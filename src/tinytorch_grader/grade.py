"""Who is next, who is done: one place that submits work, one place that writes results.

Threat: one submission stops, slows or changes another's grade, or a crash of the grader loses one or counts it
twice. Each submission is read, run and recorded by itself; `_grades/STUDENT.json` is written last and says which
bytes were graded against which tests, so that after any interruption the next run does what is left and nothing
else. The course secret that seeds the tests stays in this process.
"""
import contextlib
import difflib
import hashlib
import hmac
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import secrets
import stat
import sys
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import beside, intake
from .cage import Bare, Limits
from .cage.bubblewrap import CageMissing, Cages
from .gradebook import ASSIGNMENT, Grade, Gradebook, Mark, put, remember, unusable, utils, writing
from .judge import Result, failed, judge
from .mutants import of_assignment
from .notebook import CHECKS, UNCAGED, Trusted, load, problems

try:
    import fcntl
except ImportError: fcntl = None   # Windows

BATCH = 50         # students whose grades are read at a time
LONGEST_ID = 128   # characters of a student id in nbgrader's database
RETRIES = 3        # times that a submission whose worker was lost, or on which the grader failed, is handed out again


class GradeError(RuntimeError):
    "The command could not run; the message is one line that says what to do."


@dataclass(frozen=True)
class Work:
    """What everyone who grades for one command shares: the trusted notebook, what lies beside it, the limits, whether
    there is a cage."""
    source: bytes
    limits: Limits
    sandbox: bool
    files: dict = field(default_factory=dict, hash=False)

    def cages(self, workers):
        return (Cages if self.sandbox else Bare)(self.trusted(), self.limits, workers)

    def trusted(self):
        return Trusted(json.loads(self.source), self.files)


def began(job, outcome):
    "Whether a run got as far as the student's first cell, and the given ones before it had memory enough."
    for step in job.steps:
        if step.role not in ("given", "tools"): return True
        verdict = outcome.verdicts.get(step.id)
        if not verdict or verdict.error and verdict.error.ename == "MemoryError": return False
    return True


def attempt(cages, trusted, student, submission, seed):
    "The Result of one submission: its job, run in a cage, judged."
    job = intake.job(trusted, submission, seed)
    outcome = cages.run(job)
    if not began(job, outcome):
        raise CageMissing(f"the run of {student} ended before the student's first cell ({outcome.message}), which is "
                          "this machine's doing and "
                          "no submission's; look at `ulimit -a`, the free memory, --memory and --timeout, then run the "
                          "command again")
    return judge(trusted, submission, job, outcome, student)


class Threads:
    "Grades on this machine: a thread a worker, each of which waits for a cage. Enter it on the main thread."

    def __init__(self, work, workers):
        self.work, self.slots, self.trusted = work, workers, work.trusted()

    def __enter__(self):
        self.cages = self.work.cages(self.slots).__enter__()
        self.pool, self.interval = ThreadPoolExecutor(self.slots), sys.getswitchinterval()
        # a cage waits for its thread, hundreds of times a submission, while this process writes another's grade
        sys.setswitchinterval(2e-4)
        return self

    def __exit__(self, *exc):
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.cages.__exit__(*exc)   # at which a run that is still under way ends
        self.pool.shutdown()
        sys.setswitchinterval(self.interval)

    def submit(self, *task):
        return self.pool.submit(attempt, self.cages, self.trusted, *task)

    def look(self):
        "Nothing can be lost here."


class Room:
    """On a Dask worker: the cages and the trusted notebook of one command, there before its first task and gone
    after its last."""

    def __init__(self, name, work):
        self.name, self.work = name, work

    def setup(self, worker):
        self.trusted = self.work.trusted()
        self.cages = self.work.cages(worker.state.nthreads).__enter__()

    def teardown(self, worker):
        self.cages.__exit__()


def attempt_there(name, *task):
    "`attempt` in the Room of the Dask worker that runs this."
    from distributed import get_worker
    room = get_worker().plugins[name]
    return attempt(room.cages, room.trusted, *task)


class Dask:
    "Grades on the workers of a Dask cluster, each with cages of its own; a lost worker's submissions go to another."

    def __init__(self, work, address, name):
        # one name a course: the room of a killed command is replaced
        self.work, self.address, self.name = work, address, name

    def __enter__(self):
        try:
            from distributed import Client, WorkerPlugin
        except ImportError:
            raise GradeError("--executor dask://...: Dask is not installed here; run `pip install '.[scale]'` in the "
                             "checkout") from None
        try: self.client = Client(self.address.replace("dask://", "tcp://", 1), timeout=10, set_as_default=False)
        except (OSError, ValueError) as e:
            raise GradeError(f"--executor {self.address}: no Dask scheduler answers ({type(e).__name__}); start one "
                             "with `dask scheduler`, "
                             "and workers with `dask worker`") from None
        try:
            self.look()
            self.slots = sum(self.client.nthreads().values())
            plugin = type("Plugin", (Room, WorkerPlugin), {})(self.name, self.work)
            self.client.register_plugin(plugin, name=self.name)
        except BaseException:
            self.client.close()
            raise
        self.pool = self.client.get_executor(pure=False)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, TimeoutError): self.client.unregister_worker_plugin(self.name)
        self.client.close()

    def submit(self, *task):
        return self.pool.submit(attempt_there, self.name, *task)

    def look(self):
        "GradeError when there is nobody left to grade."
        if not self.client.nthreads():
            raise GradeError(f"--executor {self.address}: the scheduler has no workers; start some with `dask worker`. "
                             "What was graded is recorded: run the command again and it goes on from there")


def cores():
    "How many processors this process may use."
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lock(f):
    "Take the lock of an open file, which ends with its process; BlockingIOError when another has it."
    if fcntl: return fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    import msvcrt
    f.seek(2**20)   # a byte beyond the text, which others can then read
    try: msvcrt.locking(f.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as e: raise BlockingIOError from e


@contextlib.contextmanager
def locked(course):
    """Hold the course's lock; GradeError when another `capstone grade` holds it.

    It ends with its process, however that ends."""
    try: f = open(course / ".capstone_lock", "a+")
    except OSError as e: raise GradeError(f"{course}: {e.strerror}; grading writes there") from None
    with f:
        try: lock(f)
        except BlockingIOError:
            f.seek(0)
            raise GradeError(f"{course}: another `capstone grade` is at work here (process "
                             f"{f.read().strip() or 'unknown'}); "
                             "wait until it ends") from None
        f.truncate(0)
        f.write(str(os.getpid()))
        f.flush()
        yield


def course_secret(course):
    "The secret of this course, made at first use and readable by its owner alone."
    path = course / ".capstone_secret"
    if not path.exists(): put(path, secrets.token_hex(32), 0o600)
    return path.read_text().encode()


def machinery():
    "SHA-256 of the code that decides a grade: the framework without olympics and this package."
    here = Path(__file__).parent
    own = os.environ.get("TINYTORCH_PATH")
    framework = (Path(own, "tinytorch") if own
                 else Path(importlib.util.find_spec("tinytorch").submodule_search_locations[0]))
    named = {f"grader/{name}": here / name for name in ("intake.py", "judge.py", "notebook.py")}
    named |= {f"grader/{room}/{path.name}": path for room in ("cage", "exam") for path in (here / room).glob("*.py")}
    named |= {f"framework/{path.relative_to(framework).as_posix()}": path for path in framework.rglob("*")
              if path.is_file() and path.stem != "olympics" and path.suffix != ".pyc"}
    # of names below the two packages, so that another place of installation is the same machinery
    digest = hashlib.sha256()
    for name, path in sorted(named.items()):
        if path.exists(): digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def contents(files):
    "What tells one set of files beside the notebooks from another; empty where there are none."
    return b"".join(repr((name, files[name].released, hashlib.sha256(files[name].data).hexdigest())).encode()
                    for name in sorted(files))


def versions():
    "What else the numbers of a run may depend on; said in the record, and no reason to grade again."
    return {"python": platform.python_version(), "numpy": importlib.metadata.version("numpy"),
            "machine": platform.machine()}


def unrecorded(result):
    "The Grade of what no gradebook can hold."
    parts = {part: Mark(said["max_score"], 0.0, message=said["message"]) for part, said in result.parts.items()}
    return Grade(result.student, parts, status=result.status, message=result.message, submitted=False)


def trusted_sources(book, files):
    """{name: bytes} of the assignment's trusted notebooks; GradebookError where one is none, or the gradebook has
    other cells, GradeError where a test does not catch its mistake."""
    sources, points = {}, {}
    for name, path in book.sources().items():
        try:
            sources[name] = json.dumps(load(path)).encode()
            if wrong := problems(json.loads(sources[name])): raise GradeError(f"{path}: {wrong[0]}")
            trusted = Trusted(json.loads(sources[name]), files)
            if "tools" in trusted.roles and not trusted.vocabulary:
                raise GradeError(f"{path}: its tests import {CHECKS}, which is not beside it; copy it there")
            points |= {book.part(name, part.grade_id): float(part.points) for part in trusted.parts}
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e: raise unusable(path, e) from None
    book.check(points)
    for name, path in book.sources().items():
        if problem := of_assignment(book, name, path, files): raise GradeError(f"{path}: {problem}")
    return sources


def told_apart(book, works, executor):
    "({name: Work}, notes), with the tests of each notebook told apart: those that the student's process has to run."
    found, notes = {}, []
    for name, path in book.sources().items():
        try: source, said = beside.settled(book, name, path, works[name])
        except CageMissing:
            if not executor: raise
            # the cages are on other machines
            source, said = beside.settled(book, name, path, replace(works[name], sandbox=False))
        found[name], notes = replace(works[name], source=source), notes + said
    return found, notes


def discover(book, wanted):
    """Names of the student folders to grade, and of notebooks that lie beside them, sorted.

    GradeError for a wanted student whom neither folder nor gradebook knows."""
    submitted = book.handed_in
    try: entries = [e for e in os.scandir(submitted) if not e.name.startswith(".")]
    except FileNotFoundError: entries = []
    names = sorted(e.name for e in entries if e.is_dir() or e.is_symlink() and not e.name.endswith(".ipynb"))
    loose = sorted(e.name for e in entries if e.name not in names and e.name.endswith(".ipynb"))
    if not wanted:
        if not names + loose and not book.recorded():
            raise GradeError(f"{submitted}: no student's folder; expected "
                             f"{submitted.name}/STUDENT/{book.assignment}/{next(iter(book.notebooks))}.ipynb")
        return names, loose
    known = None
    for student in wanted:
        if student not in names:
            known = book.students() if known is None else known
            if student not in known:
                near = difflib.get_close_matches(student, [*names, *known], 1)
                raise GradeError(f"--student {student}: no such folder in {submitted}"
                                 + (f"; did you mean {near[0]}?" if near else ""))
    return sorted(set(wanted)), []


def cannot_be_recorded(student):
    "Why no database takes this student's name, or None."
    try: student.encode()
    except UnicodeEncodeError: return "is not UTF-8"
    if not student.isprintable(): return "has control characters"
    if "/" in student or student in (".", ".."): return "is a path"
    if len(student) > LONGEST_ID or len(student.encode()) > 240: return f"is longer than {LONGEST_ID} characters"
    return None


def find(book, student, name):
    """The path of a student's notebook `name`; FileNotFoundError with a sentence when it is missing, Invalid when
    links lead there."""
    folder = book.path("submitted", student)
    root, wanted = Path(book.directory.root), folder / f"{name}.ipynb"
    for part in [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]:
        try: mode = os.lstat(root / part).st_mode
        except OSError:
            if student == book.assignment: raise FileNotFoundError(swapped(folder.parent)) from None
            raise FileNotFoundError(f"nothing handed in: no folder {part}{elsewhere(folder.parent, wanted)}") from None
        if part.parts[1:] and stat.S_ISLNK(mode):
            raise intake.Invalid(f"{part} is a symbolic link, expected a folder; nothing behind a link is read")
    if not os.path.lexists(wanted):
        raise FileNotFoundError(f"no {wanted.name} in {folder.relative_to(root)}{elsewhere(folder, wanted)}")
    return wanted


def swapped(place):
    "Words on a folder of the assignment's name where a student's is expected."
    students = sorted(entry.name for entry in os.scandir(place) if entry.is_dir())
    return (f"{place.name}/ lies where a student's folder is expected, with {len(students)} folders in it "
            f"({intake.listed(students)}); the order is "
            f"submitted/STUDENT/{place.name}/: move each submitted/{place.name}/STUDENT to "
            f"submitted/STUDENT/{place.name}")


def elsewhere(place, wanted):
    "Words on the notebooks in `place` and the folders in it, and where they belong: to `wanted`."
    found = [Path(way, name).relative_to(place) for way, _, names in itertools.islice(os.walk(place), 20)
             for name in names
             if name.endswith(".ipynb") and not way.endswith(".ipynb_checkpoints")]
    return (f"; there is {intake.listed(sorted(found))}: move it to {wanted.relative_to(wanted.parents[3])} if it is "
            "the one" if found else "")


def time_of(folder):
    """The text of timestamp.txt in `folder`, which `find` has accepted (None without one), and a note when it is no
    time."""
    path, odd = folder / "timestamp.txt", "timestamp.txt is no ordinary file, so the submission counts as on time"
    try:
        if not os.path.lexists(path): return None, None
        if not stat.S_ISREG(os.lstat(path).st_mode): return None, odd
        with open(os.open(path, intake.READING), "rb") as f:
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode): return None, odd
            text = f.read(200).decode("utf-8", "replace").strip()
    except OSError: return None, odd
    try:
        if utils.parse_utc(text) is None: raise ValueError
        return text, None
    except (ValueError, OverflowError, TypeError, ArithmeticError, AttributeError):
        return None, (f"timestamp.txt: got {text[:40]!r}, expected a time such as 2026-01-31 23:59:00 UTC; the "
                      "submission counts as on time, "
                      "and Formgrader needs the file repaired or removed")


class Rows:
    """The rows of one `grade`, sorted by student, read from the gradebook a few at a time.

    `changed`: how many of them are not as they were before; `notes`: what to know of the assignment's tests."""

    def __init__(self, course, db, max_score, assignment=ASSIGNMENT):
        self.course, self.db, self.max_score, self.assignment = course, db, max_score, assignment
        self.students, self.odd, self.changed, self.notes = set(), {}, 0, []

    def __len__(self):
        return len(self.students) + len(self.odd)

    def __iter__(self):
        return (grade.row() for grade in self.grades())

    def absent(self):
        "Grades of the students of the roster who handed nothing in."
        with Gradebook(self.course, self.db, self.assignment) as book: return book.absent()

    def grades(self):
        "The Grade of each student; those whom no gradebook can hold among them."
        names = sorted([*self.students, *self.odd])
        with Gradebook(self.course, self.db, self.assignment) as book:
            for first in range(0, len(names), BATCH):
                some = names[first:first + BATCH]
                known = book.grades([student for student in some if student in self.students])
                yield from (self.odd.get(student) or known[student] for student in some)


@dataclass
class Pending:
    "One student's submission under way: what was read, what is known already, what the others wait for."
    student: str
    seed: int
    timestamp: str | None
    note: str | None
    sha256: str | None
    release: str
    waits: int
    results: dict   # {notebook: Result}


def whole(student, results, part):
    "One Result of those of a student's notebooks, {name: Result}; `part(notebook, grade_id)` names the parts."
    if len(results) == 1:
        (name, made), = results.items()
        made.notebooks = {name: made.notebook}
        return made
    said = lambda words: [f"{name}: {word}" for name, result in results.items() for word in words(result) if word]
    status = next((status for status in BY_WEIGHT if any(result.status == status for result in results.values())),
                  "graded")
    made = Result(student, status, message="; ".join(said(lambda result: [result.message])),
                  notes=said(lambda result: result.notes))
    made.parts = {part(name, grade_id): value for name, result in results.items()
                  for grade_id, value in result.parts.items()}
    made.max_score, made.score = sum(r.max_score for r in results.values()), sum(r.score for r in results.values())
    made.seconds, made.needs_manual = (sum(r.seconds for r in results.values()),
                                       any(r.needs_manual for r in results.values()))
    made.notebooks = {name: result.notebook for name, result in results.items()}
    return made


# of several notebooks' statuses, which the student's is
BY_WEIGHT = "tampered", "crashed", "memory", "timeout", "invalid", "missing"


class Grading:
    "One `capstone grade` at work: reads submissions, hands them out, writes what comes back."

    def __init__(self, book, rows, works, limits, sandbox, force, progress):
        self.book, self.rows, self.works, self.limits, self.sandbox, self.force, self.progress = (
            book, rows, works, limits, sandbox, force, progress)
        self.trusted = {name: work.trusted() for name, work in works.items()}
        for name, trusted in self.trusted.items():
            for release in book.releases(name): trusted.know(*release)
        self.before, self.running, self.hands, self.total, self.names = book.recorded(), {}, {}, 0, set()
        self.against = hashlib.sha256(b"".join(work.source for work in works.values()) + machinery().encode()
                                      + contents(next(iter(works.values())).files)).hexdigest()

    def submission(self, student, secret, start):
        "Read one student's notebooks and hand them out; `start()` gives the hands, at the first that has to run."
        if why := cannot_be_recorded(student):
            return self._odd(student, f"the folder's name {why}; rename it", "invalid")
        read, pending = {}, Pending(student, 0, None, None, None, "", 0, {})
        for name, trusted in self.trusted.items():
            try:
                path = find(self.book, student, name)
                pending.timestamp, pending.note = time_of(path.parent)
                read[name] = intake.read(path, trusted)
            except FileNotFoundError as e: pending.results[name] = failed(trusted, student, "missing", str(e))
            except Exception as e:   # Invalid, or whatever else a stranger's file provokes
                why = (str(e) if isinstance(e, intake.Invalid)
                       else f"the grader cannot read it ({type(e).__name__}: {e})")
                pending.results[name] = failed(trusted, student, "invalid", why)
        if not read: return self._write(pending)
        shas = [one.sha256 for one in read.values()]
        pending.sha256 = (shas[0] if len(self.trusted) == 1
                          else hashlib.sha256(repr([*read, *shas]).encode()).hexdigest())
        pending.release, pending.waits = ",".join(one.release for one in read.values()), len(read)
        if self._finished(pending):
            with writing(): self.book.refresh(student, pending.timestamp)
            return self._told(student)
        self.hands = self.hands or start()
        while len(self.running) >= 2 * next(iter(self.hands.values())).slots: self.collect()
        pending.seed = int.from_bytes(hmac.digest(secret, f"{student}\0{pending.sha256}".encode(), "sha256")[:7], "big")
        for name, one in read.items(): self._hand_out(pending, name, (student, one, pending.seed), 0)

    def _hand_out(self, pending, name, task, tries):
        self.running[self.hands[name].submit(*task)] = pending, name, task, tries

    def collect(self):
        "Write whatever is ready; hand out again what a lost worker had."
        ready, _ = wait(self.running, timeout=5, return_when=FIRST_COMPLETED)
        if not ready:
            for hands in self.hands.values(): hands.look()
        for future in ready:
            pending, name, task, tries = self.running.pop(future)
            try: result = future.result()
            # a lost worker, or a submission that the grader itself stumbles over
            except (Exception, CancelledError) as e:
                if tries < RETRIES:
                    self.hands[name].look()
                    self._hand_out(pending, name, task, tries + 1)
                    continue
                if isinstance(e, CageMissing): raise
                result, pending.sha256 = failed(self.trusted[name], task[0], "crashed",
                                                f"the grader failed on it ({type(e).__name__}: {e})"), None
            pending.results[name], pending.waits = result, pending.waits - 1
            if not pending.waits: self._write(pending)

    def _finished(self, pending):
        "Whether these bytes were graded against the same tests before, and gradebook and autograded/ still say so."
        state, auto = self.book.finished(pending.student), self.before.get(pending.student)
        folder = self.book.path("autograded", pending.student)
        if self.force or not state or auto is None or not any((folder / f"{name}.ipynb").exists()
                                                              for name in self.trusted):
            return False
        same = (state["sha256"] == pending.sha256 and state["against"] == self.against
                and state["sandbox"] == self.sandbox
                and abs(state["auto"] - auto) < 1e-9)
        cut_off = state["status"] in ("timeout", "memory", "crashed") and state["limits"] == self.limits
        return same and (state["status"] in ("graded", "tampered") or cut_off or len(self.trusted) > 1
                         and state["status"] in ("invalid", "missing"))

    def _write(self, pending):
        "The one place that writes results."
        result, note = (whole(pending.student, {name: pending.results[name] for name in self.trusted}, self.book.part),
                        pending.note)
        if note: result.notes.append(note)
        result.message = "; ".join(filter(None,
                                          [result.message, note, None if self.sandbox else UNCAGED]))
        earlier = self.book.state(result.student)
        self.rows.changed += result.status not in ("invalid", "missing") or earlier.get("message") != result.message
        with writing():
            self.book.record(result, pending.timestamp, seed=pending.seed, sha256=pending.sha256, sandbox=self.sandbox,
                             against=self.against, limits=self.limits, versions=versions(), release=pending.release)
        self._told(result.student)

    def _told(self, student):
        self.rows.students.add(student)
        if self.progress: self.progress(len(self.rows), self.total, student)

    def _odd(self, name, why, status):
        "A row for what no gradebook can hold."
        shown = name.encode("utf-8", "backslashreplace").decode()
        while shown in self.rows.odd or shown in self.names and shown != name: shown += "?"   # somebody else's name
        self.rows.odd[shown] = unrecorded(whole(shown, {one: failed(trusted, shown, status, why)
                                                        for one, trusted in self.trusted.items()}, self.book.part))
        if self.progress: self.progress(len(self.rows), self.total, shown)

    def loose(self, name):
        "A notebook beside the students' folders."
        self._odd(name,
                  "lies beside the students' folders: move it to "
                  f"{self.book.directory.submitted_directory}/STUDENT/{self.book.assignment}/"
                        f"{next(iter(self.trusted))}.ipynb", "missing")


def grade(course, students=None, workers=None, timeout=120, memory=2048, db=None, sandbox=True, executor=None,
          progress=None, force=False, assignment=ASSIGNMENT):
    """Grade what is new or changed in the course; returns its Rows, finished ones included.

    `students`: only these; `workers`: at a time, as many as there are processors unless given; `executor`:
    dask://HOST:PORT instead of this machine; `progress(done, total, student)` after each submission; `force`:
    finished ones too; `assignment`: any of the course's. GradeError, GradebookError or CageMissing when the command
    cannot run or go on.
    """
    course = Path(course).resolve()
    with locked(course), Gradebook(course, db, assignment) as book, contextlib.ExitStack() as stack:
        limits = Limits(seconds=timeout, memory_mb=memory)
        files = book.files()
        works = {name: Work(source, limits, sandbox, files) for name, source in trusted_sources(book, files).items()}
        secret, (names, loose) = course_secret(course), discover(book, students)
        rows = Rows(course, db, sum(work.trusted().max_score for work in works.values()), assignment)
        if assignment != ASSIGNMENT: works, rows.notes = told_apart(book, works, executor)
        if db: remember(course, db)
        grading = Grading(book, rows, works, [timeout, memory], sandbox, force, progress)
        grading.total, grading.names = len(names), set(names)

        def start():
            "Those who grade each notebook, entered on this thread."
            room = lambda name: hmac.new(secret, b"room" + (name.encode() if len(works) > 1 else b""),
                                         "sha256").hexdigest()[:16]
            hands = lambda name, work: (Dask(work, executor, room(name)) if executor
                                        else Threads(work, workers or cores()))
            return {name: stack.enter_context(hands(name, work)) for name, work in works.items()}

        for student in names: grading.submission(student, secret, start)
        while grading.running: grading.collect()
        for name in loose: grading.loose(name)
        if gone := [] if students else sorted(grading.before.keys() - grading.names):
            rows.students.update(gone)
            rows.notes.append(f"{intake.listed(gone)}: graded earlier, and no folder in {book.handed_in.name}/ now; "
                              "kept as it was")
    return rows
