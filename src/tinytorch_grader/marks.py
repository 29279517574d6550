"""What came out of the cage, turned into points.

Threat: the run says more than the submission earned, or its messages carry hidden tests out. A test earns its points only when it ran to
its end; a submission for which a known-wrong answer passed has switched the tests off: no points, a person looks. Messages of hidden
failures name what came and the rule, never a line of the test, and nothing that a student's cell wrote repeats one.
"""
import functools
import io
import re
import sys
import tokenize
from dataclasses import dataclass, field

from . import intake

LOOK = re.compile(r"ctypes|gc|inspect|_getframe|_current_frames|currentframe|f_back|f_globals|f_locals|f_builtins|tb_frame|gi_frame|"
                  r"cr_frame|settrace|setprofile|addaudithook|monitoring|__code__|__closure__|__globals__|__builtins__|__subclasses__|"
                  r"__self__|get_referrers|get_objects|walk_stack|walk_tb|extract_stack|get_field")
BOUND = re.compile(r"^(?:# )?(?:class |def )?(\w+)(?= *[=(:])", re.MULTILINE)   # names that a cell gives the notebook
UNBOUND = re.compile(r"name '(\w+)' is not defined")
ENDED = {"timeout": "it took too long", "memory": "it asked for too much memory", "crashed": "its process ended",
         "tampered": "it wrote to the grader"}
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


def suspects(source):
    "Names in the code of `source` that reach behind the interpreter; of a long one in its strings and comments too: tokenize is quadratic."
    try:
        if len(source) > 20_000 or max(map(len, source.split("\n"))) > 2000: raise tokenize.TokenError
        names = {token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.NAME}
    except (tokenize.TokenError, SyntaxError, IndentationError): names = set(re.findall(r"\w+", source))
    return sorted(name for name in names if LOOK.fullmatch(name))


@functools.lru_cache(maxsize=4)
class Hidden:
    "The hidden lines of all tests; `within` finds them in what a submission wrote, whatever its white space."
    def __init__(self, trusted):
        seen = "".join("".join(intake.without_regions(trusted.source(i)).split()) for i, role in enumerate(trusted.roles))
        lines = ("".join(line.split()) for i, role in enumerate(trusted.roles) if role == "test"
                 for n, line in enumerate(trusted.source(i).split("\n"), 1) if n in trusted.hidden(i))
        self.lines = [line for line in dict.fromkeys(lines) if len(line) >= 24 and line not in seen]

    def within(self, text):
        text = "".join(text.split())
        return any(line in text for line in self.lines)


def explained(error, hidden):
    "What a failed test says: its own message, or the student's error and where it was raised."
    name, said = error["ename"], error["message"].strip()
    if name == "NotImplementedError":
        said = f"not written yet: {said[1:-1] if said[:1] == '(' else said or 'it'} still raises NotImplementedError"
    elif name != "AssertionError": said = f"{name}: {said}" if said else name
    return said[:MOST] + ("..." if len(said) > MOST else "") + (" [a hidden check]" if hidden else "")


def unbound(trusted, job, outcome):
    "{name: what the solution cell said that should have bound it}, of the solution cells that did not run to their end."
    found = {}
    for step in job["steps"]:
        error = outcome.steps.get(step["id"], {}).get("error")
        if step["role"] == "solution" and error:
            line = "" if error["line"] is None or "line" in error["message"] else f" (line {error['line']})"
            said = {**error, "message": f"{error['message']}{line}, so the cell {step['id']} did not run"}
            if error["ename"] == "NotImplementedError": said["message"] = f"(line {error['line']} of {step['id']})"
            found |= dict.fromkeys(BOUND.findall(trusted.source(trusted.by_grade_id[step["id"]])), said)
    return found


def too_new(python, job, outcome):
    "A note when cells are no Python here and the notebook was saved with a newer one; None otherwise."
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not python or int(python[2:]) <= sys.version_info[1]: return None
    cells = [step["id"] for step in job["steps"] if step["role"] in ("solution", "extra")
             and (outcome.steps.get(step["id"], {}).get("error") or {}).get("ename") == "SyntaxError"]
    return f"cells {intake.listed(cells)}: SyntaxError; the notebook was saved with Python {python} and graded on {here}" if cells else None


def blank(answer):
    "Whether a manual answer is still what was released."
    return not intake.squeezed(answer)


def judge(trusted, submission, job, outcome, student):
    "The Result of a run. Tests that were not reached score nothing; `tampered` when a known-wrong answer passed."
    hidden = Hidden(trusted)
    result = Result(student, outcome.status, max_score=trusted.max_score, seconds=outcome.seconds, message=outcome.message,
                    seed=job["seed"], notes=list(submission.notes))
    broken = unbound(trusted, job, outcome)
    passed = [step["id"] for step in job["steps"] if "answers" in step and outcome.steps.get(step["id"], {}).get("ok")]
    if passed:
        result.status = "tampered"
        result.message = f"known-wrong answers passed in {passed[0].partition('!')[0]}: the tests were switched off"
    for part in trusted.parts:
        step, score, message = outcome.steps.get(part.grade_id), 0.0, ""
        if part.manual:
            message = "nothing written" if blank(submission.manual.get(part.grade_id, "")) else "graded by hand"
            result.needs_manual |= message == "graded by hand"
        elif result.status == "tampered": message = "no points: the tests were tampered with"
        elif step is None: message = f"not reached: the run had stopped before ({ENDED.get(outcome.status, outcome.status)})"
        elif step["ok"]: score = part.points
        else:
            error = step["error"] or {"ename": "Error", "message": "", "line": None}
            if error["ename"] == "NameError" and (name := UNBOUND.match(error["message"])):
                error = {**broken.get(name[1], error), "line": error["line"]}
            message = explained(error, error["line"] in trusted.hidden(trusted.by_grade_id[part.grade_id]))
            if hidden.within(error["message"]): message = f"{error['ename']}: the message repeats the test and was left out"
        result.parts[part.grade_id] = {"score": score, "max_score": part.points, "message": message}
    result.score = sum(part["score"] for part in result.parts.values())
    for step in job["steps"]:
        if step["role"] not in ("solution", "extra"): continue
        if found := suspects(step["source"]): result.notes.append(f"a look: cell {step['id']} uses {', '.join(found)}")
        answer = outcome.steps.get(step["id"], {})
        if any(hidden.within(written) for written in strings(answer.get("outputs", []))):
            answer["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "output left out: it repeats lines of the tests\n"}]
            result.notes.append(f"a look: the output of cell {step['id']} repeats hidden tests")
    result.notes += [f"a look: its code used {look}" for look in outcome.looks]
    if newer := too_new(submission.python, job, outcome): result.notes.append(newer)
    result.notebook = intake.rebuilt(trusted, submission, with_failures(trusted, outcome, result))
    return result


def strings(value):
    "Every string in a JSON value."
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, str): yield value
        elif isinstance(value, dict): todo += value.values()
        elif isinstance(value, list): todo += value


def with_failures(trusted, outcome, result):
    "`outcome`, in which each failed test shows its message as an error."
    for part in trusted.parts:
        step = outcome.steps.get(part.grade_id)
        if step and not step["ok"]:
            message = result.parts[part.grade_id]["message"]
            step["outputs"] = [{"output_type": "error", "ename": "AssertionError", "evalue": message, "traceback": [message]}]
    return outcome


def failed(trusted, student, status, message):
    "The Result of a submission that was never run: no points, and why."
    parts = {part.grade_id: {"score": 0.0, "max_score": part.points, "message": message} for part in trusted.parts}
    return Result(student, status, max_score=trusted.max_score, parts=parts, message=message)
