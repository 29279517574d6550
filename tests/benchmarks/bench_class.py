"""An instructor's evening: a class of 300 from the LMS's download to the files that it takes back, step by step.

No promise is compared here: the seconds of each step on this machine, by the clock and of CPU,
and what came out, so that a step that grows is seen.
"""
import csv
import itertools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "helpers")]
from submissions import notebook, solutions  # noqa: E402

STUDENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
ASSIGNMENT = "20_capstone"
CAGE = [] if shutil.which("bwrap") else ["--no-sandbox"]


def download(path):
    "A Canvas download: everybody's own answer, and for each third student one cell left unwritten."
    rng, cells = random.Random(3), list(solutions())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(STUDENTS):
            changes = {"reflection": f"Number {number} would defend the compression ratio, since bytes are counted. "
                       f"{rng.random()}"}
            if number % 3 == 0: changes[rng.choice(cells)] = "# not written"
            archive.writestr(f"student{number:03}_{10_000 + number}_{50_000 + number}_{ASSIGNMENT}.ipynb",
                             json.dumps(notebook(changes)))


def step(what, *words, status=(0, 1)):
    "Run `capstone` and print how long it took, and what all of its processes cost."
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "tinytorch_grader", *map(str, words)], capture_output=True, text=True)
    if done.returncode not in status: sys.exit(f"{what}: {done.stdout}{done.stderr}")
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(f"{what:<34} {seconds:7.1f} s {cpu:7.1f} CPU s", flush=True)
    return seconds


def marked(path):
    "Fill in the points, as a person would."
    with path.open(newline="", encoding="utf-8") as file: rows = list(csv.DictReader(file))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows([row | {"points": "4"} for row in rows])


def main():
    with tempfile.TemporaryDirectory() as folder:
        course, folder = Path(folder) / "course", Path(folder)
        download(folder / "canvas.zip")
        titles = ["Student", "ID", "SIS Login ID", "Capstone (7)"]
        with (folder / "gradebook.csv").open("w", newline="") as file:
            csv.writer(file).writerows([titles, ["    Points Possible", "", "", "100"],
                                        *([f"Student {n:03}", 10_000 + n, f"s{n}", ""] for n in range(STUDENTS))])
        workers = len(os.sched_getaffinity(0))
        print(f"{STUDENTS} students, {workers} workers, {'bubblewrap' if not CAGE else 'no sandbox'}, load "
              f"{os.getloadavg()[0]:.1f}")
        total = sum(itertools.chain(
            [step("course", "course", course), step("collect", "collect", course, "--from", folder / "canvas.zip"),
             step("grade", "grade", course, *CAGE, "--csv", folder / "grades.csv"),
             step("answers out", "answers", course, "--out", folder / "answers.csv")],
            [marked(folder / "answers.csv") or step("marks in", "mark", course, "--from", folder / "answers.csv"),
             step("grade again, into Canvas's file", "grade", course, *CAGE, "--canvas", folder / "gradebook.csv"),
             step("feedback, and its zip", "feedback", course, "--zip", folder / "feedback.zip"),
             step("report", "report", course), step("similar", "similar", course)]))
        filled = [row[3] for row in csv.reader((folder / "gradebook.csv").open(newline=""))][2:]
        pages = len(zipfile.ZipFile(folder / "feedback.zip").namelist())
        print(f"{'in all':<34} {total:7.1f} s; {sum(map(bool, filled))} grades in Canvas's file, {pages} "
              "pages in the zip")


if __name__ == "__main__":
    main()
