"""Mutants: known mistakes that show that the tests of the assignment can still fail.

Threat: a test that catches nothing, or a mistake that no longer says what it means because the reference was
rewritten. Our own code alone is run, so without a cage; several mistakes at a time, each in another cell.
"""
import contextlib
import copy
import hashlib
from collections.abc import Callable
from pathlib import Path

from .cage import Bare, Limits
from .intake import Job, Step
from .mistakes import FOLDER, mistakes
from .notebook import CHECKS, Trusted, load


def chosen(trusted: Trusted, folder: Path = FOLDER, every: bool = True) -> dict:
    """{graded cell: the Mistake that it has to catch}; ValueError names a cell of which a mistake no longer matches
    the reference, and with `every` the cells that have none."""
    known = mistakes(trusted.sources("solution"), folder)
    tests = [part.grade_id for part in trusted.parts if not part.manual]
    found = {test: min((m for m in known if test in m.loses), key=lambda m: (len(m.loses), m.seconds, m.name),
                       default=None)
             for test in tests}
    lacking = [test for test, mistake in found.items() if mistake is None]
    if lacking and every:
        raise ValueError(f"no known mistake is caught by {', '.join(lacking)}: add one to tests/mistakes/")
    return {test: mistake for test, mistake in found.items() if mistake}


def rounds(found: dict) -> list:
    "The mistakes in as few runs as there are tests of one cell: a list of {cell: (test, Mistake)}."
    runs = []
    for test, mistake in found.items():
        run = next((run for run in runs if mistake.cell not in run), None)
        if run is None: runs.append(run := {})
        run[mistake.cell] = test, mistake
    return runs


def survivors(trusted: Trusted, folder: Path = FOLDER, every: bool = True,
              progress: Callable = lambda done, total: None) -> list[str]:
    "The graded cells that do not catch the mistake chosen for them, with its name; ValueError as `chosen`."
    sources, missed = copy.copy(trusted.sources("given", "tools", "solution", "test")), []
    runs = rounds(chosen(trusted, folder, every))
    with Bare(trusted, Limits()) as box:
        for done, run in enumerate(runs):
            progress(done, len(runs))
            changed = sources | {cell: mistake.cells[cell] for cell, (_, mistake) in run.items()}
            steps = [Step(name, role, changed[name])
                     for name, role in zip(map(trusted.grade_id, range(len(trusted.roles))), trusted.roles)
                     if name in changed and changed[name].strip()]
            verdicts = box.run(Job(20, steps)).verdicts
            missed += [f"{test} does not catch {mistake.cell}/{mistake.name}" for test, mistake in run.values()
                       if test not in verdicts or verdicts[test].ok]
    return missed


def digest(path: Path, folder: Path, files: dict) -> str:
    """What decides whether the mutants are caught: the notebook, the vocabulary and the files beside it, the mistakes,
    the examiner."""
    here = Path(__file__).parent
    read = [path, path.with_name(CHECKS), *sorted(folder.rglob("*.diff")), *sorted(here.glob("exam/*.py"))]
    said = [*(file.read_bytes() for file in read if file.is_file()), *(files[name].data for name in sorted(files))]
    return hashlib.sha256(b"".join(said)).hexdigest()


def checked(path: Path, progress: Callable = lambda done, total: None, folder: Path = FOLDER,
            known: Path = FOLDER.parents[1] / "_build" / "mutants.sha256", files: dict | None = None) -> str | None:
    """What is wrong with the tests of the notebook at `path`, in one line, or None; nothing where no mistakes are.

    It takes seconds, so a source that was found right is not asked again until it, its checks or the mistakes change:
    the file `known` says so. Of the capstone each test has a mistake, of another assignment those that it brings.
    """
    if not folder.is_dir(): return None
    now = digest(path, folder, files or {})
    with contextlib.suppress(OSError):
        if known.read_text() == now: return None
    try: missed = survivors(Trusted(load(path), files), folder, folder == FOLDER, progress)
    except ValueError as e: return str(e)
    if missed: return f"tests that catch nothing: {'; '.join(missed)}"
    with contextlib.suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(now)
    return None


def of_assignment(book, name: str, path: Path, files: dict,
                  progress: Callable = lambda done, total: None) -> str | None:
    """`checked` for the notebook `name` of a course's assignment: its mistakes lie in
    COURSE/mistakes/ASSIGNMENT/[NOTEBOOK/]CELL/, since nbgrader would hand out whatever lies in source/."""
    folder = book.root / "mistakes" / book.assignment / (name if len(book.notebooks) > 1 else "")
    return checked(path, progress, folder, book.root / "_releases" / book.assignment / name / "mutants.sha256", files)
