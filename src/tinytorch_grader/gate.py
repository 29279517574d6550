"""`capstone gate`: is the model of this revision slower, worse or larger than that of another, measured on one machine?

Two files from two machines cannot be compared, and hosted runners are never the same machine twice. So both revisions
are checked out into a temporary folder, and processes of each take turns (`turns.py`). A slowdown is a regression when
it is proven: the whole 95 % interval lies beyond the limit.
While it is neither proven nor ruled out, more rounds are made.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import bench
from .compare import NOT_COMPARABLE, OK, REGRESSION, Limits, Outcome, cost
from .turns import Plan, Side, Unmeasurable, interval, measure

FIRST, MOST = 8, 32  # rounds before the first look, and at most
LOOKS = FIRST, 12, 16, 24, MOST  # how many rounds there are whenever it is asked whether they are enough


@dataclass
class Gate:
    """What is compared: two revisions of the repository in `folder`, a factory in both, data, and what the new one may
    lose."""

    base: str
    head: str = "HEAD"
    target: str = ""  # MODULE:FACTORY, or "" for the capstone's model
    data: str = "digits"
    paths: tuple = (".", "src")  # folders of a checkout that its modules are imported from
    folder: str | Path = "."
    limits: Limits = Limits(0.05, 0.01, 0.10)


def git(folder, *words: str, env=None) -> str:
    "What git prints. Raises `Unmeasurable` with git's last line."
    try:
        run = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            env=os.environ | (env or {}),
        )
    except FileNotFoundError:
        raise Unmeasurable("git is not installed here; the gate checks revisions out with it") from None
    if run.returncode:
        raise Unmeasurable(
            f"git {words[0]}: {(run.stderr.strip().splitlines() or [f'exit status {run.returncode}'])[-1]}"
        )
    return run.stdout.strip()


def commit(folder, revision: str) -> str:
    "The full name of the commit that `revision` means. Raises `Unmeasurable`."
    git(folder, "rev-parse", "--git-dir")
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except Unmeasurable:
        raise Unmeasurable(
            f"{revision}: no such revision here; fetch it first (in a workflow: `fetch-depth: 0` at actions/checkout)"
        ) from None


@contextmanager
def checkouts(folder, commits: list[str]) -> Iterator[list[Path]]:
    "A temporary folder for each of `commits` with all its files; the repository itself keeps no trace of them."
    with tempfile.TemporaryDirectory(prefix="capstone-gate-") as top:
        made = []
        for k, name in enumerate(commits):
            place = Path(top).resolve() / f"{k}-{name[:10]}"
            place.mkdir()
            env = {
                "GIT_INDEX_FILE": f"{top}/index-{k}"
            }  # an index of its own: `git archive` would leave out what export-ignore names
            git(folder, "read-tree", name, env=env)
            git(folder, "checkout-index", "--all", "--force", f"--prefix={place}/", env=env)
            made.append(place)
        yield made


def sides(gate: Gate, top: Path, places: list[Path], commits: list[str]) -> list[Side]:
    "The two sides to measure: each imports from its checkout, and from neither the other nor the working tree."
    made = []
    for k, (revision, place) in enumerate(zip((gate.base, gate.head), places)):
        paths = [place / part for part in gate.paths if (place / part).is_dir()]
        if not paths:
            raise Unmeasurable(
                f"{revision}: has no folder {', '.join(gate.paths)}; name the package's folder with --path", "absent"
            )
        made.append(
            Side(
                f"{'base' if k == 0 else 'new'} {revision} ({commits[k][:10]})",
                gate.target,
                paths,
                place,
                [top, places[1 - k]],
            )
        )
    return made


def decided(rounds, limit: float) -> bool:
    """Whether a slowdown beyond `limit` is proven or ruled out; asked at LOOKS alone, because every look is a chance to
    err."""
    if len(rounds) not in LOOKS:
        return False
    _, low, high = interval(rounds)
    return high < 1 / (1 + limit) or low > 1 / (1 + limit)


def latency_outcome(rounds, limit: float) -> Outcome:
    """A regression where the whole interval is beyond `limit`; not comparable where even twice that can be neither
    shown nor ruled out."""
    speedup, low, high = interval(rounds)
    share, found = f"{100 * limit:.4g} %", f"speedup {speedup:.4g} [{low:.4g}, {high:.4g}] over {len(rounds)} rounds"
    figures = {"speedup": speedup, "ci_low": low, "ci_high": high, "rounds": len(rounds)}
    if high < 1 / (1 + limit):
        return Outcome(REGRESSION, [f"latency: {found}: a regression of over {share}"], figures)
    if low > 1 / (1 + limit):
        return Outcome(OK, [f"latency: {found}: a regression of over {share} is ruled out"], figures)
    if low < 1 / (1 + 2 * limit):
        return Outcome(
            NOT_COMPARABLE,
            [
                f"latency: {found}: too noisy, even a slowdown of {200 * limit:.4g} % is neither proven nor ruled out; "
                "measure again on a quieter machine"
            ],
            figures,
        )
    return Outcome(
        OK, [f"warning: latency: {found}: a regression of over {share} is neither proven nor ruled out"], figures
    )


def judge(made: dict, rounds, limits: Limits, names=("base", "new")) -> Outcome:
    "One outcome of latency, accuracy and size; a proven regression counts more than noise."
    a, b = made["baseline"]["metrics"], made["optimized"]["metrics"]
    speed, paid = latency_outcome(rounds, limits.slowdown), cost(a, b, limits)
    status = REGRESSION if REGRESSION in (speed.status, paid.status) else max(speed.status, paid.status)
    about = [
        "{name}: {latency_ms_median:.4g} ms, accuracy {accuracy:.4f}, {model_size_mb:.4g} MiB".format(name=name, **side)
        for name, side in zip(names, (a, b))
    ]
    warned = [f"warning: {line}" for line in made["improvements"]["comparison"]["warnings"]]
    return Outcome(status, about + speed.lines + paid.lines + warned, speed.figures | paid.figures)


def run(gate: Gate, plan: Plan = Plan(), rng=None, progress: Callable | None = None) -> tuple[Outcome, dict]:
    """The outcome, and a submission with the base as baseline. Raises `Unmeasurable` (status 3; 2 where the base has
    nothing to compare)."""
    if gate.target and not all(gate.target.partition(":")[::2]):
        raise Unmeasurable(f"got {gate.target!r}, expected MODULE:FACTORY, such as models:small")
    X, y = bench.load(gate.data)
    top = Path(git(gate.folder, "rev-parse", "--show-toplevel") or ".").resolve()
    commits = [commit(gate.folder, revision) for revision in (gate.base, gate.head)]
    with checkouts(top, commits) as places, bench.stored(X, y) as file:
        two = sides(gate, top, places, commits)
        try:
            rounds = measure(two, file, plan, MOST, lambda made: decided(made, gate.limits.slowdown), rng, progress)
        except Unmeasurable as error:
            if error.kind == "mixed" or (error.kind == "absent" and str(error).startswith(two[0].name)):
                error.status = NOT_COMPARABLE
            raise
        made = bench.submission(two, rounds, X, y, plan, commits=commits)
    outcome = judge(made, rounds, gate.limits, [side.name for side in two])
    outcome.figures |= {"base": commits[0], "head": commits[1]}
    if git(top, "status", "--porcelain", "--untracked-files=no"):
        outcome.lines.append("note: changes that are not committed were not measured")
    return outcome, made


def annotations(outcome: Outcome) -> list[str]:
    "The lines of an outcome that need attention as GitHub's workflow commands."

    def escaped(line):
        return "".join(c if c.isprintable() else "?" for c in line).replace("%", "%25")

    levels = {OK: "notice", REGRESSION: "error", NOT_COMPARABLE: "error"}
    found = [
        ("warning" if line.startswith("warning") else levels[outcome.status], line)
        for line in outcome.lines
        if line.startswith("warning") or "regression of over" in line or "too noisy" in line
    ]
    return [f"::{level} title=capstone gate::{escaped(line)}" for level, line in found]


def action_benchmark(made: dict, outcome: Outcome) -> list[dict]:
    """What github-action-benchmark reads as `customSmallerIsBetter`: the slowdown, which no change of runner moves,
    then the new side's figures."""
    m, f = made["optimized"]["metrics"], outcome.figures
    return [
        {
            "name": "latency against base",
            "unit": "ratio",
            "value": 1 / f["speedup"],
            "range": f"{1 / f['ci_high']:.4g} to {1 / f['ci_low']:.4g}",
        },
        {
            "name": "latency, median",
            "unit": "ms",
            "value": m["latency_ms_median"],
            "range": f"{m['latency_ms_median_ci_low']:.4g} to {m['latency_ms_median_ci_high']:.4g}",
        },
        {"name": "size", "unit": "MiB", "value": m["model_size_mb"]},
        {"name": "error rate", "unit": "share", "value": 1 - m["accuracy"]},
    ]
