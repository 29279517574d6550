"What came out of a run, in plain types: verdicts, how it ended, and what it may use."
from dataclasses import dataclass, field

from ..visible import visible

MOST_TEXT = 4000   # characters of an error
NOTEBOOK = "\b\r\x1b"   # what a notebook shows as progress and colours


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds of its own CPU time, MiB of memory, processes, MiB a file, bytes of
    output a cell.

    A wall clock of PATIENCE times `seconds` stands behind the CPU time, for a submission that waits or whose
    neighbours are busy."""
    seconds: float = 120
    memory_mb: int = 2048
    processes: int = 64
    file_mb: int = 64
    output_bytes: int = 2**20


@dataclass(frozen=True)
class Error:
    "What a cell or a test ended with: the error's name, its words, the line of the test, the student's (cell, line)."
    ename: str
    message: str
    line: int | None = None
    at: tuple | None = None


@dataclass
class Verdict:
    "The examiner's word on one step: whether it ran to its end, its error, what the cell showed, seconds."
    id: str
    ok: bool
    error: Error | None = None
    outputs: list = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Outcome:
    """How a run ended: status graded, timeout, memory, crashed or tampered; its Verdicts by id; a sentence; seconds;
    frames and bytes of the line."""
    status: str = "graded"
    verdicts: dict = field(default_factory=dict)
    message: str = ""
    seconds: float = 0.0
    turns: int = 0
    bytes: int = 0


class BadAnswer(ValueError):
    "The examiner's process wrote something that it never writes."


def plain(text, most, shown=""):
    "`most` characters of `text`, `visible`; BadAnswer for anything but a str."
    if type(text) is not str: raise BadAnswer("text expected")
    return visible(text[:most], shown)[:most]


def output(o, most):
    "One notebook output, rebuilt from what the cage wrote about it; None for an unknown kind."
    kind = o["output_type"]
    if kind == "stream":
        name = o["name"] if o["name"] in ("stdout", "stderr") else "stdout"
        return {"output_type": kind, "name": name, "text": plain(o["text"], most, NOTEBOOK)}
    if kind == "error":
        return {"output_type": kind, "ename": plain(o["ename"], 200), "evalue": plain(o["evalue"], most),
                "traceback": [plain(line, most, NOTEBOOK) for line in o["traceback"][:100]]}
    if kind in ("display_data", "execute_result"):
        out = {"output_type": kind, "metadata": {},
               "data": {plain(mime, 100): plain(text, 4 * most, NOTEBOOK)
                        for mime, text in list(o["data"].items())[:10]}}
        return out | ({"execution_count": None} if kind == "execute_result" else {})
    return None


def error_of(found):
    "The Error in a message of the examiner's, or None."
    if found is None: return None
    line, at = found["line"], found["at"]
    return Error(plain(found["ename"], 200), plain(found["message"], MOST_TEXT), line if type(line) is int else None,
                 None if at is None else (plain(at[0], 200), int(at[1])))


def verdict(message, step, limits):
    "The Verdict on `step` in a message of the examiner's, rebuilt from plain types; BadAnswer when it is none."
    try:
        if message["id"] != step.id: raise BadAnswer("not the awaited step")
        error = error_of(message["error"])
        outputs = [output(o, limits.output_bytes) for o in message["outputs"][:1000]]
        return Verdict(step.id, error is None, error, [o for o in outputs if o])
    except BadAnswer:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as e:
        raise BadAnswer(type(e).__name__) from None


def told(step):
    "What the examiner is told of a Step: trusted ones by name alone, since it has their source."
    found = {"id": step.id, "role": step.role}
    return found if step.role in ("given", "test", "tools") else found | {"source": step.source}
