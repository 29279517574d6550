"""Known mistakes, each once: `tests/mistakes/CELL/NAME.diff`, a change of the reference solution that loses points.

    # mistake: what the student got wrong, in words
    # loses: grade_ids of the graded cells that must lose their points, and no others
    # says: a sentence that the student must see (words of the message, as they stand there)
    # seconds: what its tests take, where they have to sleep

    --- part2-timing
    +++ part2-timing
    @@ ... @@
    -        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
    +        latencies_ms.append((time.perf_counter_ns() - start) / 1e9)

The folder is named after the solution cell. Line numbers do not count: the old lines of a hunk must occur once in
the cell. Read by `capstone course`, which keeps some as mutants, by the matrix of the tests, and by the demo.
Standard library alone.
"""
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "mistakes"


@dataclass(frozen=True)
class Mistake:
    "A wrong solution: `cells` is {grade_id: its source} of the one cell that differs from the reference."
    name: str
    cell: str
    mistake: str
    loses: tuple[str, ...]
    says: str
    cells: dict[str, str]
    seconds: float = 0.0


def patched(source: str, diff: str, where: str) -> str:
    "`source` with the hunks of the unified `diff` applied; ValueError where the old lines do not occur exactly once."
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE)[1:]:
        lines = [line for line in hunk.splitlines() if line[:1] in (" ", "-", "+", "") and not line.startswith("\\")]
        old, new = ("\n".join(line[1:] for line in lines if line[:1] != other) for other in "+-")
        count = f"\n{source}\n".count(f"\n{old}\n")
        if count != 1:
            raise ValueError(f"{where}: the old lines occur {count} times in the cell, expected once: {old!r}")
        source = f"\n{source}\n".replace(f"\n{old}\n", f"\n{new}\n" if new else "\n")[1:-1]
    return source


def read(path: Path, solutions: dict[str, str]) -> Mistake:
    "The mistake in the file at `path`, against the reference `solutions`, {grade_id: source}."
    head, _, diff = path.read_text(encoding="utf-8").partition("\n\n")
    about = dict(re.findall(r"^# (\w+): (.+)$", head, re.MULTILINE))
    where = f"{path.parent.name}/{path.name}"
    for name in ("mistake", "loses"):
        if name not in about: raise ValueError(f"{where}: has no line `# {name}:`")
    cell = path.parent.name
    if cell not in solutions:
        raise ValueError(f"{where}: there is no solution cell {cell}; folders are named after them")
    cells = {cell: patched(solutions[cell], diff, where)}
    return Mistake(path.stem, cell, about["mistake"], tuple(about["loses"].split()), about.get("says", ""), cells,
                   float(about.get("seconds", 0)))


def mistakes(solutions: dict[str, str], folder: Path = FOLDER) -> list[Mistake]:
    "Every known mistake, sorted by cell and name; none where `folder` is not there."
    return [read(path, solutions) for path in sorted(Path(folder).glob("*/*.diff"))]
