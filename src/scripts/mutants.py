"""Small changes to `tinytorch/`, a seeded sample of them: each should fail a test that belongs to the changed file.

Cosmic Ray's operators say which changes there are. One is drawn at each of `--sample` places, and the tests that reach
it run in a copy of this checkout. What is known of each stands in `_build/mutants/`, so a run that was stopped goes
on; `--again` tries the survivors once more. Exit status 1 when less than 95 % are killed, not counting those of which
`tests/equal_mutants.json` says why no test can tell them from the original.
"""
import argparse
import ast
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "_build" / "mutants"
EQUAL = ROOT / "tests" / "equal_mutants.json"
CORE, LANGUAGE = ("framework_core", "gradients"), ("language", "gradients")
BELONG = {  # file of tinytorch: its tests
    **{f"core/{name}.py": CORE for name in ("tensor", "activations", "layers", "losses", "dataloader", "autograd",
                                            "optimizers", "training")},
    **{f"core/{name}.py": LANGUAGE for name in ("tokenization", "embeddings", "attention", "transformers")},
    "core/spatial.py": ("spatial", "gradients"), "datasets.py": ("data",),
    **{f"perf/{name}.py": ("perf",) for name in ("profiling", "quantization", "compression")},
    "perf/acceleration.py": ("acceleration",), "perf/memoization.py": ("memoization",),
    **{f"perf/{name}.py": ("benchmarking",) for name in ("results", "footing", "latency", "pairs", "benchmarking")},
    "benchmarking.py": ("benchmarking",), "olympics.py": ("olympics", "strict_reader"),
}
BELONG = {file: (*tests, "signatures") for file, tests in BELONG.items()}  # defaults of all of them


class Mutant(NamedTuple):
    "One change: which of the operator's occurrences in `file`, and where it stands."
    file: str
    operator: str
    occurrence: int
    line: int
    column: int

    def name(self) -> str:
        return f"tinytorch/{self.file}:{self.line}:{self.column} {self.operator.split('/')[1]} #{self.occurrence}"


# Which changes there are.

def annotations(source: str) -> list[tuple]:
    "(first, last) position of each type annotation: a change there changes nothing that runs."
    nodes = [note for node in ast.walk(ast.parse(source))
             for note in (getattr(node, "annotation", None), getattr(node, "returns", None)) if note]
    return [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in nodes]


def mutants_of(file: str) -> dict[tuple, list[Mutant]]:
    "{(place, kind of operator): its changes} of one file."
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    source, found = (ROOT / "tinytorch" / file).read_text(encoding="utf-8"), defaultdict(list)
    nodes, notes = list(ast_nodes(get_ast(source))), annotations(source)
    for name in operator_names():
        if get_operator(name).arguments(): continue
        operator = get_operator(name)()
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, place in enumerate(places):
            if any(first <= place <= last for first, last in notes): continue
            found[file, place, name.split("_")[0]].append(Mutant(file, name, occurrence, *place))
    return found


def sampled(count: int, seed: int) -> list[Mutant]:
    "One change at each of `count` places drawn from all files."
    kept = WORK / f"sample-{count}-{seed}-{digest(ROOT / 'tinytorch')}.json"
    if kept.exists(): return [Mutant(*fields) for fields in json.loads(kept.read_text(encoding="utf-8"))]
    everything = {key: changes for file in sorted(BELONG) for key, changes in mutants_of(file).items()}
    rng = random.Random(seed)
    places = rng.sample(sorted(everything), min(count, len(everything)))
    print(f"{len(everything)} places, {sum(map(len, everything.values()))} changes; {len(places)} drawn, seed {seed}")
    drawn = [rng.choice(everything[place]) for place in places]
    kept.write_text(json.dumps(drawn), encoding="utf-8")
    return drawn


def mutated(mutant: Mutant) -> str:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = (ROOT / "tinytorch" / mutant.file).read_text(encoding="utf-8")
    return mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence)


# Running tests in a copy.

def copied(name: str) -> Path:
    "A copy of what git knows of this checkout."
    copy = WORK / name
    shutil.rmtree(copy, ignore_errors=True)
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for file in filter(None, done.stdout.split("\0")):
        if (ROOT / file).is_file():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, copy / file)
    return copy


class Chosen:
    "A plugin of pytest: run the tests named, in this order."

    def __init__(self, names):
        self.place = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((item for item in items if item.nodeid in self.place),
                          key=lambda item: self.place[item.nodeid])


def pytest_here(copy: Path, tests: tuple, options: tuple, *plugins) -> int:
    "Run tests in this process, with the package in `copy`; the exit status of pytest."
    import pytest

    os.chdir(copy)
    sys.path[:] = [str(copy), *(path for path in sys.path if Path(path) != ROOT)]
    os.environ.update(PYTHONPATH=str(copy), MPLBACKEND="agg", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    sys.stdout = sys.stderr = open(copy / "output.txt", "w", encoding="utf-8")
    words = ["-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"]
    return int(pytest.main([*words, *options, *(f"tests/test_{name}.py" for name in tests)], plugins=list(plugins)))


def without_bytecode(copy: Path, tests: tuple, names: list) -> int:
    "Run the tests named until one fails. A changed file leaves no bytecode, which would outlive it."
    os.environ["PYTHONDONTWRITEBYTECODE"], sys.dont_write_bytecode = "1", True
    return pytest_here(copy, tests, ("-x",), Chosen(names))


def forked(call, *args, timeout_s: float = 900.0) -> int | None:
    "Exit status of `call(*args)` in a process of its own, or None when it took longer."
    def body():
        os.setpgid(0, 0)
        os._exit(call(*args))
    child = multiprocessing.get_context("fork").Process(target=body)
    child.start()
    child.join(timeout_s)
    late = child.is_alive()
    try: os.killpg(child.pid, signal.SIGKILL)  # with what it started
    except ProcessLookupError: pass
    child.join()
    return None if late else child.exitcode


# Which tests reach a line.

class Watch:
    "A plugin of pytest: notes which test runs, for coverage, and which fail."

    def __init__(self, coverage):
        self.coverage, self.failed, self.seconds = coverage, [], defaultdict(float)

    def pytest_runtest_logstart(self, nodeid):
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration
        if report.failed: self.failed.append(report.nodeid)


def watched(copy: Path, test: str, out: Path) -> int:
    "Write {\"failed\": tests, \"seconds\": {test: time}, \"reach\": {file: {line: tests}}} of a test file to `out`."
    import coverage

    watch = coverage.Coverage(data_file=None, include=[f"{copy}/tinytorch/*"], messages=False)
    watch.start()
    plugin = Watch(watch)
    pytest_here(copy, (test,), (), plugin)
    watch.stop()
    data, package = watch.get_data(), copy / "tinytorch"
    reach = {str(Path(file).relative_to(package)): data.contexts_by_lineno(file) for file in data.measured_files()}
    found = {"failed": plugin.failed, "seconds": plugin.seconds, "reach": reach}
    out.write_text(json.dumps(found), encoding="utf-8")
    return 0


def digest(*folders: Path) -> str:
    files = sorted(file for folder in folders for file in ([folder] if folder.is_file() else folder.rglob("*.py")))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def reached(test: str) -> dict:
    "What `watched` found for a test file, from the last time when nothing has changed since."
    key = digest(ROOT / "tinytorch", ROOT / "tests" / "conftest.py", ROOT / "tests" / f"test_{test}.py")
    out = WORK / f"{test}-{key}.json"
    if not out.exists():
        print(f"which lines does test_{test}.py reach? ", end="", flush=True)
        forked(watched, copied("watched"), test, out)
        found = json.loads(out.read_text(encoding="utf-8"))
        print("not used, since they fail here unchanged:", found["failed"]) if found["failed"] else print("noted")
    return json.loads(out.read_text(encoding="utf-8"))


def lines_of(file: str, line: int) -> range:
    "The lines of the statement at `line`; of a compound one those of its head."
    source, best = (ROOT / "tinytorch" / file).read_text(encoding="utf-8"), range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno:
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno
            if line <= last: best = range(node.lineno, last + 1)
    return best


def tests_at(mutant: Mutant) -> list:
    "The tests that belong to the file and may notice: those that run the line before the others, quick ones first."
    names, first, seconds = set(), set(), {}
    for found in map(reached, BELONG[mutant.file]):
        reach = found["reach"].get(mutant.file, {})
        here = {name for line in lines_of(mutant.file, mutant.line) for name in reach.get(str(line), ())}
        first |= here
        names |= found["seconds"].keys() if "" in here else here  # "": it runs on import, so any test may notice
        names -= {"", *found["failed"]}
        seconds |= found["seconds"]
    return sorted(names, key=lambda name: (name not in first, seconds[name]))


def survives(copy: Path, mutant: Mutant) -> bool:
    "Whether the tests pass with the change."
    names = tests_at(mutant)
    used = tuple(test for test in BELONG[mutant.file] if any(n.startswith(f"tests/test_{test}.py") for n in names))
    if not used: return True
    path = copy / "tinytorch" / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutated(mutant), encoding="utf-8")
    try: return forked(without_bytecode, copy, used, names) == 0
    finally: path.write_text(original, encoding="utf-8")


# All of it.

def work(number: int, todo, done) -> None:
    copy = copied(f"copy{number}")
    forked(pytest_here, copy, tuple(sorted({test for tests in BELONG.values() for test in tests})), ("--collect-only",))
    while (mutant := todo.get()) is not None:
        done.put((mutant, survives(copy, mutant)))


def run(mutants: list[Mutant], jobs: int, learned) -> None:
    "Call `learned(mutant, survived)` for each of `mutants`, as it becomes known."
    import hypothesis, matplotlib, numpy, pytest  # noqa: E401, F401, I001  once, before the processes part
    fork = multiprocessing.get_context("fork")
    todo, done = fork.Queue(), fork.Queue()
    for mutant in [*mutants, *[None] * jobs]: todo.put(mutant)
    workers = [fork.Process(target=work, args=(number, todo, done)) for number in range(jobs)]
    for worker in workers: worker.start()
    for _ in mutants: learned(*done.get())
    for worker in workers: worker.join()


class Known:
    "What became of each mutant of a sample, kept in a file."

    def __init__(self, path: Path):
        self.path = path
        self.survived = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def learn(self, mutant: Mutant, survived: bool) -> None:
        self.survived[mutant.name()] = survived
        self.path.write_text(json.dumps(self.survived, indent=1), encoding="utf-8")
        if survived: print(f"survives: {mutant.name()}", flush=True)

    def todo(self, mutants: list[Mutant], again: bool) -> list[Mutant]:
        return [mutant for mutant in mutants if self.survived.get(mutant.name(), True)
                and (again or mutant.name() not in self.survived)]


def explained(mutant: Mutant) -> str | None:
    "Why no test can tell `mutant` from the original, where `EQUAL` says so for its changed line."
    reasons = {(entry["file"], entry["from"], entry["to"]): entry["why"]
               for entry in json.loads(EQUAL.read_text(encoding="utf-8"))}
    before = (ROOT / "tinytorch" / mutant.file).read_text(encoding="utf-8").splitlines()
    after = mutated(mutant).splitlines()
    old, new = next((a.strip(), b.strip()) for a, b in zip(before, after) if a != b)
    return reasons.get((mutant.file, old, new))


def summary(mutants: list[Mutant]) -> int:
    "Print the survivors, each with the reason why it is equal where there is one; how many are."
    reasons = {mutant: explained(mutant) for mutant in mutants}
    for mutant, why in reasons.items(): print(f"{mutant.name()}: {why or 'no test notices'}")
    return sum(why is not None for why in reasons.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--most", type=int, help="try at most this many now")
    parser.add_argument("--again", action="store_true", help="try the survivors once more")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    mutants = sampled(options.sample, options.seed)
    known = Known(WORK / f"known-{options.sample}-{options.seed}-{digest(ROOT / 'tinytorch')}.json")
    todo = known.todo(mutants, options.again)[:options.most]
    for test in sorted({test for mutant in todo for test in BELONG[mutant.file]}): reached(test)
    run(todo, options.jobs, known.learn)
    if len(known.survived) < len(mutants): print(f"{len(known.survived)} of {len(mutants)} tried so far")
    alive = [mutant for mutant in mutants if known.survived.get(mutant.name())]
    equal, killed = summary(alive), len(known.survived) - len(alive)
    share = killed / max(1, len(known.survived) - equal)
    print(f"{killed} of {len(known.survived)} killed, {equal} equal: {share:.1%} (at least 95 %: "
          f"{'met' if share >= 0.95 else 'MISSED'})")
    return int(share < 0.95)


if __name__ == "__main__":
    sys.exit(main())
