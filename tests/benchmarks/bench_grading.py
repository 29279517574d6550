"""The same submissions by `nbgrader autograde`, by two of them that share the work,
and by `capstone grade --workers 2`, sandbox on.

Both sides execute the same cells: those tagged `demo`, which our side leaves out, are taken out of the course first.
Honest work, right and wrong, from tests/mistakes. Prints submissions a minute, ratios against the targets, whether the
scores agree, and where our time goes. `--many 1000` grades 100 and then 1,000 submissions instead: time each, and the
parent's memory.
"""
import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "helpers")]

import students  # noqa: E402
from grading import ASSIGNMENT, ROOT, gradebook  # noqa: E402

from tinytorch_grader.cage.bubblewrap import Cages  # noqa: E402
from tinytorch_grader.intake import job, read  # noqa: E402
from tinytorch_grader.notebook import CHECKS, Trusted, load  # noqa: E402
from tinytorch_grader.release import make_course  # noqa: E402

OTHER_RULES = {"noisy"}   # prints to stderr, for which stock nbgrader takes the points of a cell
TARGETS = {"one stock process": 10, "two stock processes": 5}


def without_demo(notebook):
    return notebook | {"cells": [cell for cell in notebook["cells"] if "demo" not in cell["metadata"].get("tags", [])]}


def course_of(folder, count):
    "A course with `count` submissions: half right, half wrong, spread over all that tests/mistakes has."
    folder.mkdir()
    reference = without_demo(json.loads((ROOT / f"{ASSIGNMENT}.ipynb").read_text(encoding="utf-8")))
    (folder / "source.ipynb").write_text(json.dumps(reference), encoding="utf-8")
    shutil.copy(ROOT / CHECKS, folder)
    course = make_course(folder / "course", folder / "source.ipynb")
    # stock's own
    with open(course / "nbgrader_config.py", "a") as config:
        config.write("c.Autograde.exporter_class = 'nbconvert.exporters.NotebookExporter'\n")
    # who has `seconds` reads no clock that the tests replace: tried again in real time, asleep on both sides
    right, wrong = ([s for s in students.students(kind) if s.name not in OTHER_RULES and not s.seconds]
                    for kind in ("right", "wrong"))
    wrong = wrong[::max(1, len(wrong) // (count // 2))]
    pairs = zip(itertools.cycle(right), itertools.cycle(wrong))
    for n, student in zip(range(count), itertools.chain.from_iterable(pairs)):
        place = course / "submitted" / f"{'ab'[n // 2 % 2]}{n:04}-{student.name}" / ASSIGNMENT
        place.mkdir(parents=True)
        (place / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(student.notebook(reference)), encoding="utf-8")
    return course


def timed(*commands):
    """Seconds until all of `commands` (words, folder), started together, have ended,
    and the peak memory of the first in MiB."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1",
                        "OPENBLAS_NUM_THREADS": "1"}
    begun, peak, said = time.perf_counter(), 0, tempfile.TemporaryFile()
    running = [subprocess.Popen([sys.executable, "-m", *map(str, words)], cwd=folder, env=env,
                                stdout=subprocess.DEVNULL, stderr=said) for words, folder in commands]
    while any(process.poll() is None for process in running):
        try:
            peak = max(peak, next(int(l.split()[1]) for l in Path(f"/proc/{running[0].pid}/status").read_text()
                                  .splitlines() if l.startswith("VmHWM")))
        except (OSError, StopIteration): pass
        time.sleep(0.02)
    seconds = time.perf_counter() - begun
    for process in running:
        if process.returncode not in (0, 1):
            said.seek(0)
            sys.exit(f"{process.args}: status {process.returncode}\n{said.read().decode()[-2000:]}")
    return seconds, peak / 1024


def ours(course):
    return timed((["tinytorch_grader", "grade", course, "--workers", 2, "--json", course.parent / "g.json"], ROOT))


def stock(course, *students):
    return timed(*((["nbgrader", "autograde", ASSIGNMENT, f"--student={which}"], folder)
                   for folder, which in students or [(course, "*")]))


def scores(*courses):
    return {student: round(found["score"], 6) for course in courses for student, found in gradebook(course).items()}


def compare(folder, count, rounds):
    made, copies = course_of(folder / "made", count), itertools.count()
    copy = lambda: shutil.copytree(made, folder / f"copy{next(copies)}" / "course")
    mine, theirs, grades = [], {name: [] for name in TARGETS}, {}

    def told(name, seconds):
        print(f"{name}: {seconds:.1f} s for {count} submissions, {60 * count / seconds:.0f} a minute, load "
              f"{os.getloadavg()[0]:.1f}", flush=True)
        return seconds

    def grade():
        mine.append(told("capstone, 2 workers", ours(course := copy())[0]))
        return scores(course)

    grades["capstone"] = grade()   # ours before, between and after theirs: the machine may have other things to do
    for _ in range(rounds):
        course = copy()
        theirs["one stock process"].append(told("one stock process", stock(course)[0]))
        grades["one stock process"] = scores(course)
        grade()
        first, second = copy(), copy()
        theirs["two stock processes"].append(told("two stock processes", stock(None, (first, "a*"), (second, "b*"))[0]))
        grades["two stock processes"] = scores(first, second)
        grade()
    for name, target in TARGETS.items():
        ratio = statistics.median(theirs[name]) / statistics.median(mine)
        print(f"capstone grades {ratio:.1f} times as many a minute as {name}: "
              f"{'reached' if ratio >= target else 'MISSED'}, the target is {target}")
        different = {s: (score, grades[name].get(s)) for s, score in grades["capstone"].items()
                     if grades[name].get(s) != score}
        print(f"scores: {count - len(different)} of {count} the same"
              + (f"; different: {different}" if different else ""))
    return made


def where(folder, made):
    "Where our time goes: the parent's profile, and the seconds that the submissions themselves ran."
    course = shutil.copytree(made, folder / "profile" / "course")
    code = ("import cProfile, pstats, sys, time; begun = time.perf_counter(); p = cProfile.Profile(); p.enable(); from "
            "tinytorch_grader.grade import grade\n"
            f"rows = list(grade({str(course)!r}, workers=2)); p.disable(); wall = time.perf_counter() - begun\n"
            "ran = sum(row['seconds'] for row in rows); busy = time.process_time()\n"
            "print(f'{len(rows)} submissions in {wall:.2f} s: they ran {ran:.2f} s in two cages ({1000 * ran / "
            "len(rows):.0f} ms each); "
            "the parent was busy {busy:.2f} s')\n"
            "s = pstats.Stats(p); s.sort_stats('cumulative')\n"
            "want = {'_find_and_load': 'imports', '__enter__': 'starting the cages', 'read': 'intake', 'job': 'job', "
            "'judge': 'judge', 'record': 'gradebook and autograded/', "
            "'_enter': 'of that, rows', 'commit': 'of that, commit', '_write_notebook': 'of that, notebook', 'wait': "
            "'waiting for the cages'}\n"
            "best = {}\n"
            "for (file, _, name), (_, n, _, total, _) in s.stats.items():\n"
            "    if name in want and ('tinytorch_grader' in file or name in ('_find_and_load', 'commit', 'wait')): "
            "best[name] = max(best.get(name, (0, 0)), (total, n))\n"
            "for name, what in want.items(): print(f'  {what:28} {best.get(name, (0, 0))[0]:6.2f} s in {best.get(name, "
            "(0, 0))[1]} calls')\n")
    print(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.strip())


def line_of(made):
    """What the line between the two processes carries for a submission, and what its run takes alone,
    one after the other."""
    trusted, found = Trusted(load(made / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")), []
    with Cages(trusted) as cages:
        for path in sorted(made.glob(f"submitted/*/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"))[:20]:
            found.append(cages.run(job(trusted, read(path, trusted), 1)))
    mean = lambda name: statistics.mean(getattr(outcome, name) for outcome in found)
    print(f"the line: {mean('turns'):.0f} frames and {mean('bytes') / 1000:.0f} kB from the student's process a "
          "submission; " f"{1000 * mean('seconds'):.0f} ms a submission in two cages, one at a time")


def many(folder, counts):
    for count in counts:
        seconds, peak = ours(course_of(folder / f"many{count}", count))
        print(f"{count} submissions: {seconds:.1f} s, {1000 * seconds / count:.0f} ms each, parent's peak memory "
              f"{peak:.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--many", type=int, help="grade 100 and this many submissions, ours only")
    options = parser.parse_args()
    if not shutil.which("bwrap"): sys.exit("bubblewrap is not installed: run `make system`")
    with tempfile.TemporaryDirectory() as folder:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        if options.many: return many(Path(folder), (100, options.many))
        made = compare(Path(folder), options.submissions, options.rounds)
        line_of(made)
        where(Path(folder), made)


if __name__ == "__main__":
    main()
