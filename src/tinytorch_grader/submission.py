"""Read a submission.json from anybody: bytes in, a valid submission out, or one line that says what is wrong."""

import json
from pathlib import Path

LIMIT = 16 * 2**20  # bytes; a submission has a few thousand


class NotASubmission(ValueError):
    """One line about a file that is no valid submission; `violations` are (JSON pointer, message) where the schema
    found some."""

    def __init__(self, message: str, violations: list | None = None):
        super().__init__(message)
        self.violations = violations or []


def _members(pairs):
    """The object of these members; `ValueError` where two have one name, because readers differ in which of them they
    take."""
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the member {name[:50]!r} occurs twice in one object; keep one of them")
        found[name] = value
    return found


def loads(data: bytes) -> object:
    "The JSON value in UTF-8 `data`; `ValueError` in words for bytes that are none, and for two members of one name."
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_members)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start}); give a file that save_submission wrote") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not JSON (line {error.lineno}, column {error.colno}); give a file that save_submission wrote"
        ) from error
    except RecursionError as error:
        raise ValueError("not JSON (nested too deeply); give a file that save_submission wrote") from error


def parse(data: bytes) -> dict:
    "The valid submission in `data`. Raises `NotASubmission`."
    from tinytorch.olympics import SubmissionError, validate_submission_schema

    try:
        if len(data) > LIMIT:
            raise ValueError(f"over {LIMIT >> 20} MiB, no submission is that large")
        submission = loads(data)
    except ValueError as error:
        raise NotASubmission(str(error)) from error
    try:
        validate_submission_schema(submission)
    except SubmissionError as error:
        (at, message), *more = error.violations
        others = f" (and {len(more)} more)" if more else ""
        raise NotASubmission(f"not a valid submission: {at or '/'} {message}{others}", error.violations) from error
    except (ArithmeticError, ValueError, RecursionError) as error:
        raise NotASubmission(f"not a valid submission: {error}") from error
    return submission


def read_submission(path: str | Path) -> dict:
    "The valid submission in the file at `path`. Raises `NotASubmission`, whose line names the file."
    try:
        with Path(path).open("rb") as file:
            return parse(file.read(LIMIT + 1))
    except OSError as error:
        raise NotASubmission(
            f"{path}: cannot be read ({error.strerror}); give the path of a submission.json"
        ) from error
    except NotASubmission as error:
        raise NotASubmission(f"{path}: {error}", error.violations) from error
