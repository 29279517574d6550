"""A folder of submissions as entries that pages and trackers show: what is read, on which machine and data, with which
interval.

Threat: a file of a stranger stops the page, speaks through it, or keeps others out. Links, pipes and devices are not
opened, a
file that is not valid is named with its violations, and text passes through `text`.
"""

import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from .submission import LIMIT, NotASubmission, parse

HARDWARE = "cpu_model", "cpu_cores", "machine", "gpu_model"  # what makes two machines different, as far as a file says
MOST = 100_000  # files of a folder


@dataclass(frozen=True)
class Interval:
    "A value, and where it may lie: 95 %, or the value alone where the file does not say."

    value: float
    low: float
    high: float
    basis: str  # what the value is

    @property
    def known(self) -> bool:
        return self.low < self.high


@dataclass
class Entry:
    "One submission: whose, of what, on which machine and data; the optimized model where there is one."

    file: str  # its path below the folder
    name: str
    model: str
    techniques: list[str]
    metrics: dict
    latency: Interval
    accuracy: Interval
    speedup: Interval | None  # over its own baseline, on its own machine
    data: str  # digest of the test data, or "" where the file records none
    hardware: tuple[str, ...]
    software: str
    timestamp: str
    commit: str
    submission: dict = field(repr=False)
    front: bool = False

    @property
    def size_kib(self) -> float:
        return self.metrics["model_size_mb"] * 1024


def _ordered(low, value, high, basis) -> Interval:
    "The interval where it is one around the value, else the value alone."
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (low, high))
    return (
        Interval(value, low, high, basis) if numbers and low <= value <= high else Interval(value, value, value, basis)
    )


def latency(metrics: dict) -> Interval:
    """The median with its interval where the file has one; else the mean with that of the central limit theorem,
    1.96 std / sqrt(n), where it has these; else what there is."""
    median, mean = metrics.get("latency_ms_median"), metrics["latency_ms_mean"]
    ends = [metrics.get(f"latency_ms_median_ci_{end}") for end in ("low", "high")]
    if median and None not in ends:
        return _ordered(ends[0], median, ends[1], "median")
    n, std = metrics.get("num_runs"), metrics.get("latency_ms_std")
    if isinstance(n, int) and n > 1 and std is not None:
        around = 1.96 * std / math.sqrt(n)
        return Interval(mean, max(0.0, mean - around), mean + around, "mean")
    return Interval(median or mean, median or mean, median or mean, "median" if median else "mean")


def _speedup(submission):
    """The speedup over its own baseline: of a paired comparison with its interval, else the ratio alone; None without a
    second model."""
    claims = submission.get("improvements", {})
    paired = claims.get("comparison")
    if paired:
        return _ordered(paired["ci_low"], paired["speedup"], paired["ci_high"], "paired")
    ratio = claims.get("speedup")
    return Interval(ratio, ratio, ratio, "ratio") if ratio else None


def entry(file: str, submission: dict) -> Entry:
    "The entry of a valid submission."
    from .pages.plain import text

    side = submission.get("optimized", submission["baseline"])
    system, m, provenance = submission["system_info"], side["metrics"], side.get("provenance", {})
    digests = [provenance.get(name) for name in ("X_sha256", "y_sha256")]
    known = [
        f"{system[name]} cores" if name == "cpu_cores" else str(system[name])
        for name in HARDWARE
        if system.get(name) not in (None, "")
    ]
    software = [("Python", system["python_version"]), ("NumPy", system.get("numpy_version"))]
    commit = provenance.get("commit")
    return Entry(
        file,
        text(submission.get("student_name", ""), 100) or "-",
        text(side["model_name"], 100),
        [text(name, 100) for name in side.get("techniques_applied", [])[:20]],
        m,
        latency(m),
        _ordered(m.get("accuracy_ci_low"), m["accuracy"], m.get("accuracy_ci_high"), "accuracy"),
        _speedup(submission),
        "".join(digests) if all(isinstance(digest, str) for digest in digests) else "",
        tuple(text(name, 100) for name in known) or (text(system["platform"], 100),),
        text(", ".join(f"{name} {version}" for name, version in software if version), 100),
        text(submission["timestamp"], 40),
        text(commit, 40) if isinstance(commit, str) else "",
        submission,
    )


def regular(path: Path) -> bytes:
    "The bytes of a regular file, no link and no pipe. Raises `NotASubmission`."
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NotASubmission("is no regular file")
            return file.read(LIMIT + 1)
    except OSError as error:
        why = "is a link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise NotASubmission(f"{why}; put the file itself there") from error


def files(folder: Path) -> Iterator[Path]:
    "The .json files below `folder`, hidden ones left out, in the order of their names."
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.lower().endswith(".json") and name[0] != ".")


def read(folder: Path) -> tuple[list[Entry], list[tuple[str, list[str]]]]:
    """(entries, [(file, its violations)]) of the submissions below `folder`; one that is not valid keeps nobody else
    out."""
    found, refused = [], []
    for path in files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            found.append(entry(name, parse(regular(path))))
        except NotASubmission as error:
            lines = [f"{at or '/'} {message}" for at, message in error.violations] or [str(error)]
            refused.append((name, lines))
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            refused.append((name, [f"holds a value that no benchmark gives ({type(error).__name__})"]))
    return found, refused


def link(folder: Path, page: Path, file: str) -> str:
    "The address of `file` below `folder` from a page that lies at `page`."
    base = os.path.relpath(folder.resolve(), page.resolve().parent)
    return quote(os.path.join("" if base == "." else base, *file.split("/")).encode("utf-8", "surrogateescape"))


def places(intervals: list[Interval], best_high: bool = False) -> list[tuple[int, int]]:
    "(best, worst) place of each: 1 and those surely better, and all but those surely worse. Overlapping intervals tie."
    from bisect import bisect_left, bisect_right

    ends = [(-i.high, -i.low) if best_high else (i.low, i.high) for i in intervals]
    lows, highs = sorted(low for low, _ in ends), sorted(high for _, high in ends)
    return [(1 + bisect_left(highs, low), bisect_right(lows, high)) for low, high in ends]
