"""A student's claim, checked: their own notebook runs in the cage, and what it measures there stands beside what
they handed in.

Threat: the notebook is a stranger's program like any other; what it leaves is read as a stranger's submission.json.
"""
import platform
from pathlib import Path

from . import intake
from .cage import Limits
from .cage.bubblewrap import Cages
from .grade import find
from .gradebook import ASSIGNMENT, Gradebook
from .notebook import Trusted, load
from .submission import NotASubmission, parse

CLAIM = "the claim"   # the step that prints the submission.json of the run
READ = "print('<<<' + open('submission.json', encoding='utf-8').read() + '>>>')"
SHOWN = ("accuracy", "parameter_count", "model_size_mb", "latency_ms_median", "latency_ms_mean",
         "throughput_samples_per_sec")


class RerunError(RuntimeError):
    "A claim could not be checked; the message is one line."


def steps(path, trusted):
    "The code cells of the notebook at `path` in their order, without the assignment's tests and their tools."
    cells, _, _ = intake.parse(intake.fetch(path), path.name)
    found = []
    for number, cell in enumerate(cells):
        index, source = trusted.place(cell), intake.text(cell.get("source")) or ""
        if (cell.get("cell_type") != "code" or not source.strip() or index is not None
            and trusted.roles[index] in ("test", "tools")):
            continue
        found.append(intake.Step(f"cell {number}", "extra", source[:intake.MOST_SOURCE]))
    return [*found, intake.Step(CLAIM, "extra", READ)]


def measured(outcome):
    "The submission that a run printed; RerunError with the last error where it left none."
    verdict = outcome.verdicts.get(CLAIM)
    said = ("".join(output.get("text", "") for output in verdict.outputs if output.get("output_type") == "stream")
            if verdict else "")
    if "<<<" in said and ">>>" in said:
        try: return parse(said.partition("<<<")[2].rpartition(">>>")[0].encode())
        except NotASubmission as e: raise RerunError(f"the run left a submission.json that is none: {e}") from None
    errors = [f"{name}: {v.error.ename}: {v.error.message[:200]}" for name, v in outcome.verdicts.items() if v.error
              and name != CLAIM]
    raise RerunError(f"the run left no submission.json ({outcome.message or outcome.status}); "
                     + (f"first error: {errors[0]}" if errors else "no cell ended in an error"))


def rerun(course, student, seconds=600, memory=4096):
    "(what the student claimed, or None; what the notebook measured here) of one student of the capstone."
    with Gradebook(course) as book:
        try: path = find(book, student, ASSIGNMENT)
        except (FileNotFoundError, intake.Invalid) as e: raise RerunError(f"{student}: {e}") from None
        trusted = Trusted(load(book.source))
    claim = Path(path).with_name("submission.json")
    try: claimed = parse(intake.fetch(claim)) if claim.exists() else None
    except (NotASubmission, intake.Invalid) as e: raise RerunError(f"{student}: {e}") from None
    with Cages(trusted, Limits(seconds=seconds, memory_mb=memory, file_mb=256), 1) as cages:
        return claimed, measured(cages.run(intake.Job(20, steps(path, trusted))))


def table(claimed, found):
    "Rows (what, claimed, measured here) for a person."
    of = lambda submission, side: (submission or {}).get(side, {}).get("metrics", {})
    rows = [(f"{side} {name}", of(claimed, side).get(name), of(found, side).get(name))
            for side in ("baseline", "optimized") for name in SHOWN
            if name in of(claimed, side) or name in of(found, side)]
    names = dict.fromkeys([*(claimed or {}).get("improvements", {}), *found.get("improvements", {})])
    gains = [(name, *((one or {}).get("improvements", {}).get(name) for one in (claimed, found))) for name in names]
    machine = lambda submission: (submission or {}).get("system_info", {}).get("platform", "-")
    return [*rows, *(row for row in gains if not isinstance(row[2], dict)),
            ("machine", machine(claimed), f"{machine(found)} ({platform.machine()}, in the cage)")]


