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


def chosen(trusted: Trusted, folder: Path = FOLDER) -> dict:
    """{graded cell: the Mistake that it has to catch}; ValueError names a cell of which a mistake no longer matches
    the reference."""
    known = mistakes(trusted.sources("solution"), folder)
    tests = [part.grade_id for part in trusted.parts if not part.manual]
    found = {test: min((m for m in known if test in m.loses), key=lambda m: (len(m.loses), m.name), default=None)
             for test in tests}
    if lacking := [test for test, mistake in found.items() if mistake is None]:
        raise ValueError(f"no known mistake is caught by {', '.join(lacking)}: add one to tests/mistakes/")
    return found


def rounds(found: dict) -> list:
    "The mistakes in as few runs as there are tests of one cell: a list of {cell: (test, Mistake)}."
    runs = []
    for test, mistake in found.items():
        run = next((run for run in runs if mistake.cell not in run), None)
        if run is None: runs.append(run := {})
        run[mistake.cell] = test, mistake
    return runs


def survivors(trusted: Trusted, folder: Path = FOLDER, progress: Callable = lambda done, total: None) -> list[str]:
    "The graded cells that do not catch the mistake chosen for them, with its name; ValueError as `chosen`."
    sources, missed = copy.copy(trusted.sources("given", "tools", "solution", "test")), []
    runs = rounds(chosen(trusted, folder))
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


def digest(path: Path) -> str:
    "What decides whether the mutants are caught: the notebook, the vocabulary beside it, the mistakes, the examiner."
    here = Path(__file__).parent
    files = [path, path.with_name(CHECKS), *sorted(FOLDER.rglob("*.diff")), *sorted(here.glob("exam/*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()


def checked(path: Path, progress: Callable = lambda done, total: None) -> str | None:
    """What is wrong with the tests of the notebook at `path`, in one line, or None; nothing where there is no checkout.

    It takes seconds, so a source that was found right is not asked again until it, its checks or the mistakes change.
    """
    if not FOLDER.is_dir(): return None
    known, now = FOLDER.parents[1] / "_build" / "mutants.sha256", digest(path)
    with contextlib.suppress(OSError):
        if known.read_text() == now: return None
    try: missed = survivors(Trusted(load(path)), progress=progress)
    except ValueError as e: return str(e)
    if missed: return f"tests that catch nothing: {'; '.join(missed)}"
    with contextlib.suppress(OSError):
        known.parent.mkdir(exist_ok=True)
        known.write_text(now)
    return None
