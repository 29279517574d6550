"""Measure models in processes of their own that take turns: many short rounds, each with fresh processes, and what they
agree on.

A round starts a process for each side, lets both warm up, and times blocks of one and the other in a shuffled order
(module 19's pairs).
How a process came to be laid out in memory moves it by more than a small effect, so a round counts once, by the median
of its pairs, and
the interval comes from the order statistics over rounds.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SUBJECT = Path(__file__).with_name("subject.py")
THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"


class Unmeasurable(ValueError):
    "One line about a side that cannot be measured; `status` is what a command exits with."

    def __init__(self, message: str, kind: str = "raised"):
        super().__init__(message)
        self.kind, self.status = kind, 3


@dataclass
class Side:
    "A model to measure: which factory, and where its modules come from."

    name: str  # for people: `main`, `digits:int8`
    target: str  # MODULE:FACTORY, or "" for the capstone's model
    paths: list[Path]  # in front of sys.path
    root: Path | None = None  # its checkout, from which something must be imported
    others: list[Path] = field(default_factory=list)  # folders from which nothing may be

    @property
    def model(self) -> str:
        "What a submission calls it, the same for every revision."
        return self.target or "SimpleMLP on the digits"


@dataclass(frozen=True)
class Plan:
    "How much is measured."

    pairs: int = 10  # blocks of each side in a round
    block_s: float = 0.01  # time of a block
    warmup_s: float = 0.1
    warmup_calls: int = 20
    timeout_s: float = 300  # for a side to be built, and for each of its answers
    input: str = "auto"  # what the model takes: auto, array, tensor, torch


@dataclass
class Round:
    "What one round found, by side: facts, and the samples of each block in ns in order of time."

    facts: list[dict]
    blocks: list[list[np.ndarray]]
    seed: int
    calls: int

    @property
    def log_ratio(self) -> float:
        "ln(first side / second side), the median over pairs of the blocks' medians."
        first, second = ([np.median(block) for block in blocks] for blocks in self.blocks)
        return float(np.median(np.log(np.divide(first, second))))


class Process:
    "The process of one side, and a line to it."

    def __init__(self, side: Side, job: dict, seed: int, timeout_s: float):
        self.side, self.timeout_s, self.rest = side, timeout_s, b""
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(SUBJECT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=dict.fromkeys(THREADS, "1") | os.environ | {"PYTHONHASHSEED": str(seed)},
        )
        self.send(
            job
            | {
                "target": side.target,
                "paths": [*map(str, side.paths)],
                "root": str(side.root or ""),
                "others": [*map(str, side.others)],
            }
        )

    def send(self, value):
        try:
            self.process.stdin.write(json.dumps(value).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` says why it ended

    def answer(self) -> dict:
        """The next line of the process, which is waited for; `Unmeasurable` when it ends, is late or says that it
        cannot be measured."""
        end = time.monotonic() + self.timeout_s
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise Unmeasurable(
                    f"{self.side.name}: no answer within {self.timeout_s:g} s; use a smaller model, or raise --timeout"
                )
            data = os.read(self.process.stdout.fileno(), 2**16)
            if not data:
                raise Unmeasurable(
                    f"{self.side.name}: the process ended with status {self.process.wait()}: {self._last_words()}"
                )
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        found = json.loads(line)
        if "fault" in found:
            raise Unmeasurable(f"{self.side.name}: {found['message']}", found["fault"])
        return found

    def _last_words(self):
        self.errors.seek(0)
        return (self.errors.read()[-2000:].decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1][
            :300
        ]

    def close(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            try:
                stream.close()
            except BrokenPipeError:
                pass


def block_size(facts: list[dict], plan: Plan) -> tuple[int, int]:
    """(samples, calls a sample) of a block, the same for all sides: the slower one's block takes `plan.block_s`, at
    least 5 samples (1 of a slow model)."""
    calls, slowest = max(fact["calls"] for fact in facts), max(fact["call_ns"] for fact in facts)
    return max(5 if slowest < 2e7 else 1, int(plan.block_s * 1e9 / (slowest * calls))), calls


def ready(process: Process) -> dict | Unmeasurable:
    """The facts of a process that is ready to be timed, or why it cannot be: the other side may have a fault that says
    more."""
    try:
        return process.answer()["facts"]
    except Unmeasurable as fault:
        return fault


def run_round(sides: list[Side], data: Path, plan: Plan, rng: np.random.Generator) -> Round:
    """One round: a fresh process for each side, and `plan.pairs` blocks of each in a balanced, shuffled order. Raises
    the last side's `Unmeasurable`."""
    from tinytorch.benchmarking import balanced_order

    seed = int(rng.integers(2**32))
    job = {
        "data": str(data),
        "input": plan.input,
        "warmup_s": plan.warmup_s,
        "warmup_calls": plan.warmup_calls,
    }
    turn = list(rng.permutation(len(sides)))
    processes, facts = {}, {}
    try:
        for k in turn:  # one after the other: no warm-up disturbs another
            processes[k] = Process(sides[k], job, seed, plan.timeout_s)
            facts[k] = ready(processes[k])
        facts = [facts[k] for k in range(len(sides))]
        if faults := [fact for fact in facts if isinstance(fact, Unmeasurable)]:
            raise faults[-1]
        samples, calls = block_size(facts, plan)
        blocks = [[] for _ in sides]
        for first in balanced_order(plan.pairs, rng):
            for k in turn if first else turn[::-1]:
                processes[k].send([samples, calls])
                blocks[k].append(np.array(processes[k].answer()["ns"], dtype=float))
        return Round(facts, blocks, seed, calls)
    finally:
        for process in processes.values():
            process.close()


def measure(
    sides: list[Side],
    data: Path,
    plan: Plan,
    rounds: int,
    enough: Callable[[list[Round]], bool] = lambda _: False,
    rng=None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Round]:
    "Up to `rounds` rounds, fewer once `enough` of those made says so. Raises `Unmeasurable`."
    rng, made = np.random.default_rng(rng), []
    while len(made) < rounds and not (made and enough(made)):
        made.append(run_round(sides, data, plan, rng))
        if progress:
            progress(len(made), rounds)
    return made


def interval(rounds: list[Round]) -> tuple[float, float, float]:
    """Speedup of the second side over the first, and its 95 % interval from the order statistics over `rounds`, at
    least 6."""
    from tinytorch.benchmarking import paired_interval

    return tuple(float(x) for x in paired_interval(np.array([r.log_ratio for r in rounds])))
