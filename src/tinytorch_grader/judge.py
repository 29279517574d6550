"""Verdicts, turned into points and messages.

Threat: a message carries hidden tests out, or says more than the submission earned. A test earns its points only
when it ran to its end in the examiner's process; what a hidden failure says names what came and the rule, never a
line of the test.
"""
import contextlib
import functools
import re
import sys
from dataclasses import dataclass, field, replace

from . import intake

BOUND = re.compile(r"^(?:# )?(?:class |def )?(\w+)(?= *[=(:])", re.MULTILINE)   # names that a cell gives the notebook
UNBOUND = re.compile(r"name '(\w+)' is not defined")
ENDED = {"timeout": "it took too long", "memory": "it asked for too much memory", "crashed": "its process ended",
         "tampered": "its process sent what no student's process sends"}
MOST = 600   # characters of a message


@dataclass
class Result:
    "The grade of one submission; parts: {grade_id: {score, max_score, message}}; notebook: what autograded/ holds."
    student: str
    status: str
    score: float = 0.0
    max_score: float = 0.0
    needs_manual: bool = False
    parts: dict = field(default_factory=dict)
    seconds: float = 0.0
    message: str = ""
    seed: int = 0
    notebook: dict = None
    notes: list = field(default_factory=list)


@functools.lru_cache(maxsize=4)
class Hidden:
    "The hidden lines of all tests; `within` finds them in what a submission wrote, whatever its white space."
    def __init__(self, trusted):
        seen = "".join("".join(intake.without_regions(trusted.source(i)).split())
                       for i, role in enumerate(trusted.roles))
        lines = ("".join(line.split()) for i, role in enumerate(trusted.roles) if role == "test"
                 for n, line in enumerate(trusted.source(i).split("\n"), 1) if n in trusted.hidden(i))
        self.lines = [line for line in dict.fromkeys(lines) if len(line) >= 24 and line not in seen]

    def within(self, text):
        text = "".join(text.split())
        return any(line in text for line in self.lines)


def explained(error, hidden):
    "What a failed test says: its own message, or the student's error and where it was raised."
    name, said = error.ename, error.message.strip()
    if name == "NotImplementedError":
        said = f"not written yet: {said[1:-1] if said[:1] == '(' else said or 'it'} still raises NotImplementedError"
    elif name != "AssertionError": said = f"{name}: {said}" if said else name
    return said[:MOST] + ("..." if len(said) > MOST else "") + (" [a hidden check]" if hidden else "")


def where(error):
    "The error's words and the student's line that it comes from."
    return replace(error, message=f"{error.message} (line {error.at[1]} of {error.at[0]})") if error.at else error


def unbound(trusted, job, outcome):
    "{name: the Error to show in place of a NameError}, of the names that solution cells should have bound."
    found = {}
    for step in job.steps:
        if step.role != "solution": continue
        verdict = outcome.verdicts.get(step.id)
        error = verdict.error if verdict else None
        if error:
            place, number = error.at or (step.id, "?")
            line = f" (line {number})" if error.at and place == step.id and "line" not in error.message else ""
            if place.startswith("tinytorch/"): line = f" (line {number} of {place})"
            said = replace(error, message=f"{error.message}{line}, so the cell {step.id} did not run", at=None)
            if error.ename == "NotImplementedError": said = replace(said, message=f"(line {number} of {place})")
            found |= dict.fromkeys(BOUND.findall(trusted.source(trusted.by_grade_id[step.id])), said)
    return found


def missing(trusted):
    "{name: the solution cell that binds it in the reference}."
    return {name: trusted.grade_id(i) for i, role in enumerate(trusted.roles) if role == "solution"
            for name in BOUND.findall(trusted.source(i))}


def too_new(python, job, outcome):
    "A note when cells are no Python here and the notebook was saved with a newer one; None otherwise."
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not python or int(python[2:]) <= sys.version_info[1]: return None
    failed = {name for name, verdict in outcome.verdicts.items() if verdict.error
              and verdict.error.ename == "SyntaxError"}
    cells = [step.id for step in job.steps if step.role in ("solution", "extra") and step.id in failed]
    return (f"cells {intake.listed(cells)}: SyntaxError; the notebook was saved with Python {python} and graded on "
            f"{here}" if cells else None)


def credit(outputs, points):
    "The points of a test that passed: all of them, or as in nbgrader the number in which it ends."
    for output in outputs:
        if output["output_type"] != "execute_result": continue
        with contextlib.suppress(ValueError):
            if (given := float(output["data"].get("text/plain", ""))) >= 0: return min(given, points)
        break
    return points


def blank(answer):
    "Whether a manual answer is still what was released."
    return not intake.squeezed(answer)


class Judge:
    "Points and messages of one run, part by part."

    def __init__(self, trusted, submission, job, outcome):
        self.trusted, self.submission, self.outcome = trusted, submission, outcome
        self.broken, self.missing = unbound(trusted, job, outcome), missing(trusted)

    def part(self, part):
        "(score, message) of a graded cell."
        verdict = self.outcome.verdicts.get(part.grade_id)
        if part.manual:
            return 0.0, "nothing written" if blank(self.submission.manual.get(part.grade_id, "")) else "graded by hand"
        if self.outcome.status == "tampered": return 0.0, f"no points: {ENDED['tampered']}"
        if verdict is None:
            return (0.0,
                    f"not reached: the run had stopped before ({ENDED.get(self.outcome.status, self.outcome.status)})")
        if verdict.ok: return credit(verdict.outputs, part.points), ""
        error, hidden = verdict.error, self.trusted.hidden(self.trusted.by_grade_id[part.grade_id])
        if error.at and error.at[0] == part.grade_id: error = replace(error, line=error.at[1], at=None)   # run beside
        if error.ename == "NameError" and (name := UNBOUND.match(error.message)) and not error.at:
            error = self.named(error, name[1])
        return 0.0, explained(where(error), error.line in hidden)

    def named(self, error, name):
        """What to say of a name that a test did not find: the error of the cell that should have bound it, or which
        cell to fill in."""
        if name in self.broken: return replace(self.broken[name], line=error.line)
        if name not in self.missing: return error
        return replace(error, ename="AssertionError",
                       message=f"{name}: is not there, fill in the cell {self.missing[name]}")


def judge(trusted, submission, job, outcome, student):
    "The Result of a run. Tests that were not reached score nothing."
    result = Result(student, outcome.status, max_score=trusted.max_score, seconds=outcome.seconds,
                    message=outcome.message, seed=job.seed, notes=list(submission.notes))
    judging = Judge(trusted, submission, job, outcome)
    for part in trusted.parts:
        score, message = judging.part(part)
        result.needs_manual |= part.manual and message == "graded by hand"
        result.parts[part.grade_id] = {"score": score, "max_score": part.points, "message": message}
    result.score = sum(part["score"] for part in result.parts.values())
    if newer := too_new(submission.python, job, outcome): result.notes.append(newer)
    result.notebook = intake.rebuilt(trusted, submission, with_failures(trusted, outcome, result))
    return result


def with_failures(trusted, outcome, result):
    "{id: outputs} of a run, in which each failed test shows its message as an error."
    outputs = {name: verdict.outputs for name, verdict in outcome.verdicts.items()}
    for part in trusted.parts:
        if part.grade_id in outputs and not outcome.verdicts[part.grade_id].ok:
            message = result.parts[part.grade_id]["message"]
            outputs[part.grade_id] = [{"output_type": "error", "ename": "AssertionError", "evalue": message,
                                       "traceback": [message]}]
    return outputs


def failed(trusted, student, status, message):
    "The Result of a submission that was never run: no points, and why."
    parts = {part.grade_id: {"score": 0.0, "max_score": part.points, "message": message} for part in trusted.parts}
    return Result(student, status, max_score=trusted.max_score, parts=parts, message=message)
