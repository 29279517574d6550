"""What every command says and writes with: refusals in one line, text that no terminal acts on, files that are whole or
not there, progress.

The commands import it; it imports none of them.
"""
import contextlib
import errno
import importlib
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from .visible import visible

ASSIGNMENT = "20_capstone"


class Refused(RuntimeError):
    "The command cannot run; the message is one line."


def room(name):
    """The module `tinytorch_grader.NAME`, imported now; Refused where this installation has no such room or lacks
    what it needs."""
    try:
        return importlib.import_module(f".{name}", __package__)
    except ModuleNotFoundError as e:
        if (e.name or "").startswith(f"{__package__}."):
            raise Refused("this is the students' part of the grader, which has `capstone check`; the other commands "
                          "come with the instructors' repository") from None
        raise Refused(f"the Python package {e.name} is not installed here; run `pip install '.[grader]'` in the "
                      "instructors' checkout") from None


def plain(text):
    "`text` on one line, without anything that a terminal would act on."
    return " ".join(visible(re.sub(r"\s+", " ", str(text))).split())


FORMULA = "=", "+", "-", "@", "\t", "\r"


def safe(value):
    "`value` as no spreadsheet takes it for a formula."
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


def reason(error):
    "What an OSError says: the file, why, and what to do; of shutil's list of many the first."
    code, target, why = error.errno, error.filename2 or error.filename, error.strerror or str(error)
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        _, target, why = error.args[0][0]
        if number := re.match(r"\[Errno (\d+)\]", str(why)): code, why = int(number[1]), os.strerror(int(number[1]))
    return "; ".join(filter(None, [": ".join(str(part) for part in (target, why) if part),
                                   TODO.get(errno.errorcode.get(code))]))


TODO = dict.fromkeys(("ENOSPC", "EDQUOT", "EFBIG"), "make room on the disk and run the command again") | dict.fromkeys(
    ("EACCES", "EPERM", "EROFS"), "use the account that may write there")


def number(value):
    return "-" if value is None else f"{round(value, 2):g}"


# ---- commands

PATH = click.Path(path_type=Path)
json_option = click.option("--json", "json_file", metavar="FILE", type=PATH,
                           help="Write the result there as JSON; - is stdout.")


def command(example, short, name=None):
    "A click command whose --help ends in `example`; `short` says what it does in the list of commands."
    return click.command(name, short_help=short, epilog=f"Example: {example}")


course = click.argument("course", metavar="DIR", type=PATH)
assigned = click.option("--assignment", metavar="NAME", default=ASSIGNMENT, show_default=True,
                        help="Any other nbgrader assignment of the course.")
database = click.option("--db", metavar="URL",
                        help="Gradebook: a database URL; default: what the course says, SQLite in DIR.")


def is_course(folder):
    if not (folder / "source").is_dir() and not (folder / "nbgrader_config.py").is_file():
        raise Refused(f"{folder}: no course there, expected source/{ASSIGNMENT}/ and nbgrader_config.py; make one with "
                      f"`capstone course {folder}`")


# ---- files

def writable(*paths):
    "Refused, before the work, for a path among `paths` to which no result can be written; `-` is stdout."
    for path in paths:
        if path is None or str(path) == "-": continue
        if path.is_dir(): raise Refused(f"{path}: is a folder; give the name of a file to write")
        if not path.exists() and not path.resolve().parent.is_dir():
            raise Refused(f"{path}: no such folder; nothing can be written there")


@contextlib.contextmanager
def replaced(path, mode="w", **how):
    """A file to write that takes the place of `path`, or of what it leads to, when it is whole.

    A device or a pipe is written to as it is, and `-` is stdout."""
    if "b" not in mode: how["encoding"] = "utf-8"
    try:
        if str(path) == "-" or path.exists() and not path.is_file():
            sys.stdout.flush()
            with open(1 if str(path) == "-" else path, mode, closefd=str(path) != "-", **how) as f:
                yield f
            return
        target = path.resolve()
        with tempfile.NamedTemporaryFile(mode, dir=target.parent, prefix=f".{target.name}.", delete=False,
                                         **how) as f:
            try:
                yield f
                f.close()
                os.chmod(f.name, 0o644)
                os.replace(f.name, target)
            except BaseException:
                os.unlink(f.name)
                raise
    except BrokenPipeError: raise
    except OSError as e: raise Refused(reason(OSError(e.errno, e.strerror, str(path)))) from e


def write(file, text):
    with replaced(file) as f: f.write(text)


def write_json(file, value):
    "Write `value` to `file` as JSON; nothing where no file was asked for."
    if file: write(file, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def said(*files):
    "Where people's lines go: stderr where a file asked for is stdout."
    return contextlib.redirect_stdout(sys.stderr if Path("-") in files else sys.stdout)


# ---- progress

class Progress:
    """Says how far a long run is: a bar with the time left on a terminal, now and then a line elsewhere.

    Lines on a terminal too where rich is not installed: the extra `gate` does without it."""

    def __init__(self, every=5, doing="grading", past="graded"):
        self.every, self.doing, self.past, self.bar, self.first = every, doing, past, None, None
        self.draws = sys.stderr.isatty() and importlib.util.find_spec("rich") is not None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar: self.bar.stop()

    def __call__(self, done, total, row=None):
        if self.draws:
            if not self.bar: self._start(total)
            self.bar.update(self.task, completed=done)
            return
        now = time.monotonic()
        if not self.first: self.first, self.said = (now, done), now
        elif now - self.said >= self.every and done < total:
            left = (now - self.first[0]) / (done - self.first[1]) * (total - done)
            print(f"{self.past} {done} of {total}, about {left:.0f} s left", file=sys.stderr, flush=True)
            self.said = now

    def _start(self, total):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        self.bar = Progress(TextColumn(self.doing), BarColumn(), MofNCompleteColumn(), TextColumn("time left"),
                            TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task("", total=total)
        self.bar.start()
