"""What a student asks before handing in: points and a hint for each part, hidden checks included.

Threat: a hidden test, an expected value or the grader's inside shows. The checks come out of their courtesy seal
into the memory of this process and of the one that runs them; what is printed is what `judge` says, the same words
as in the instructor's run. Runs without a cage, since the code is the student's own, and needs neither nbgrader nor
a database.
"""
import json
from pathlib import Path

from . import intake
from .cage import Bare, Limits
from .judge import failed, judge
from .notebook import Trusted, load
from .seal import unseal

SEALED = Path(__file__).with_name("data") / "checks.sealed"
SOURCE = Path(__file__).parents[2] / "20_capstone.ipynb"
SECONDS = 60
UNSEEN = "this copy has no hidden checks: the instructor's run has more of them"


class CheckError(RuntimeError):
    "There is nothing to check against; the message is one line."


def checks():
    """(the Trusted assignment, whether hidden checks are in it), from the wheel of a student's repository or the
    instructors' checkout."""
    if SEALED.is_file():
        found = json.loads(unseal(SEALED.read_bytes()))
        return Trusted(found["notebook"]), found["hidden"]
    if SOURCE.is_file(): return Trusted(load(SOURCE)), True
    raise CheckError("no checks here; install the wheel in the binder/ folder of your course's repository: pip install "
                     "binder/*.whl")


def check(notebook, seconds=SECONDS):
    """The Result of the student's `notebook`, as the instructor's run would mark it; with a tinytorch beside it, on
    that one."""
    path = Path(notebook).resolve()
    trusted, hidden = checks()
    try: submission = intake.read(path, trusted)
    except intake.Invalid as e: return failed(trusted, "you", "invalid", str(e))
    job = intake.job(trusted, submission, int(submission.sha256[:8], 16))
    with Bare(trusted, Limits(seconds=seconds), beside=path.parent) as box:
        result = judge(trusted, submission, job, box.run(job), "you")
    if not hidden: result.notes.append(UNSEEN)
    return result
