"""Ordinary accidents: killed, interrupted, two at once, a locked gradebook, a full disk.
The gradebook is whole, the next run right."""
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install 'tinytorch[grader]'")

from grading import (  # noqa: E402
    ASSIGNMENT,
    RIGHT,
    ROOT,
    WRONG,
    capstone,
    gradebook,
    grades,
    hand_in,
    make_course,
    needs_cage,
)

from tinytorch_grader import grade as grading  # noqa: E402
from tinytorch_grader.intake import Job, Step  # noqa: E402
from tinytorch_grader.notebook import Trusted  # noqa: E402

CAGE = [] if shutil.which("bwrap") else ["--no-sandbox"]
CLASS = [f"s{i}" for i in range(6)]


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path)


def heeding():
    "Heed the signals that a parent of the tests may ignore, as `nohup` and a script's `&` do."
    for number in (signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_DFL)


def start(course, *words):
    "The command `capstone grade`, under way; its temporary files lie beside the course."
    scratch = course.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-m", "tinytorch_grader", "grade", course, "--workers",
                             "2", *CAGE, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=heeding, env=os.environ | {"TMPDIR": str(scratch)})


def left(course):
    "Command lines of processes that still work for this course."
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(course.parent) in line: found.append(line)
    return found


def gone(course):
    "Whether within 10 s no process works for this course any more."
    deadline = time.monotonic() + 10
    while left(course) and time.monotonic() < deadline: time.sleep(0.1)
    return not left(course)


def finished(course):
    "Who is done, by the last thing that is written."
    return {path.stem: path.stat().st_mtime_ns for path in (course / "_grades").glob("*.json")}


def whole(course):
    "Assert that the gradebook is sound and that nobody has half of a grade in it."
    with contextlib.closing(sqlite3.connect(f"file:{course}/gradebook.db?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM (SELECT 1 FROM submitted_assignment GROUP BY assignment_id, student_id "
                          "HAVING count(*) > 1)").fetchone() == (0,)
    for student, found in gradebook(course).items():
        assert len(found["grades"]) == 3 and len(found["comments"]) == 3
        autos = [auto for auto, *_ in (found["grades"]["double-check"], found["grades"]["half-check"])]
        assert autos in ([2, 3], [2, 0]), (student, autos)


def killed_again_and_again(course, rounds):
    """Kill `capstone grade` at a random moment, `rounds` times, and start again each time;
    every grade is there once and right."""
    rng, least, most = random.Random(6), 0.0, None
    for n in range(rounds):
        want, machinery = {}, grading.machinery()   # an edited framework or grader has everything graded again
        for student in CLASS:   # half of them hand in something new each time
            if n == 0 or rng.random() < 0.5:
                hand_in(course, student, **RIGHT | {"half": rng.choice([RIGHT["half"], WRONG]) + f"\n# {n}"})
            want[student] = (2 if "2 / x" in (course / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
                             .read_text() else 5)
        process = start(course)
        begun = time.monotonic()
        if most is None:   # the first time: when does it begin to write?
            while not finished(course): time.sleep(0.01)
            least, most = 0.5 * (time.monotonic() - begun), 1.3 * (time.monotonic() - begun)
        else: time.sleep(rng.uniform(least, most))
        process.kill()
        process.communicate()
        whole(course)
        assert gone(course)
        done = {student: when for student, when in finished(course).items()
                if json.loads((course / "_grades" / f"{student}.json").read_text())["sha256"]
                == hashlib.sha256((course / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
                                  .read_bytes()).hexdigest()}
        result = capstone("grade", course, *CAGE, "--json", course / "g.json")
        assert result.returncode == 0, result.stderr
        assert {student: row["score"] for student, row in grades(course / "g.json").items()} == want
        assert {student: found["score"] for student, found in gradebook(course).items()} == want
        # what was done was not done again
        if grading.machinery() == machinery: assert finished(course).items() >= done.items()
        whole(course)


def test_killed_at_any_moment(course):
    killed_again_and_again(course, 3)


@pytest.mark.long
def test_killed_at_any_moment_30_times(course):
    killed_again_and_again(course, 30)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_interrupted_and_resumed(course, how):
    for n, student in enumerate(CLASS):
        hand_in(course, student, **RIGHT | {"half": f"time.sleep({3 * (n > 1)})\n" + RIGHT["half"]})
    process = start(course)
    while len(finished(course)) < 2: time.sleep(0.02)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert (process.returncode == 2 and "interrupted" in err.splitlines()[-1]
            and "Traceback" not in err), (process.returncode, err)
    assert gone(course) and not list((course.parent / "tmp").iterdir())
    done = finished(course)
    assert 2 <= len(done) < len(CLASS)
    whole(course)
    result = capstone("grade", course, *CAGE, "--json", course / "g.json")
    assert result.returncode == 0 and {row["score"] for row in grades(course / "g.json").values()} == {5}
    assert finished(course).items() >= done.items()   # what was done was not done again


def test_two_at_once(course):
    for student in CLASS: hand_in(course, student, **RIGHT)
    with grading.locked(course):
        second = capstone("grade", course, *CAGE)
        assert (second.returncode == 2 and len(second.stderr.splitlines()) == 1 + len(CAGE)
                and f"process {os.getpid()}" in second.stderr), second.stderr
    both = [start(course), start(course)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert 0 in (statuses := [process.returncode for process in both]) and set(statuses) <= {0, 2}, said
    assert {found["score"] for found in gradebook(course).values()} == {5} and len(gradebook(course)) == len(CLASS)


def test_a_locked_gradebook(course):
    for student in CLASS[:3]: hand_in(course, student, **RIGHT)
    other = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    impatient = f"sqlite:///{course}/gradebook.db?timeout=0.2"
    other.execute("BEGIN EXCLUSIVE")
    result = capstone("grade", course, "--no-sandbox", "--db", impatient)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 2, result.stderr   # the other line: no sandbox
    assert ("locked" in result.stderr and "close that one or wait" in result.stderr
            and "recorded before" not in result.stderr)
    other.execute("ROLLBACK")
    hold = lambda done, total, student: other.execute("BEGIN IMMEDIATE") if done == 1 else None
    with pytest.raises(RuntimeError, match="locked.*recorded before is whole"):
        grading.grade(course, sandbox=False, db=impatient, progress=hold)
    other.execute("ROLLBACK")
    other.close()
    assert len(finished(course)) == 1
    whole(course)
    assert {row["score"] for row in grading.grade(course, sandbox=False)} == {5} and len(gradebook(course)) == 3


@needs_cage
def test_a_full_disk(course, tmp_path):
    """A course on a disk of its own that is full halfway: one line, a whole gradebook,
    and all grades once there is room."""
    for i in range(12): hand_in(course, f"s{i:02}", **RIGHT | {"half": RIGHT["half"] + f"\nprint('{'x' * 3000}')"})
    inside = tmp_path / "inside.py"
    inside.write_text(FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    result = subprocess.run(["bwrap", "--dev-bind", "/", "/", "--size", str(4 * 2**20), "--tmpfs", disk, sys.executable,
                             inside, course, disk], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    # the other line: no sandbox
    assert found["status"] == 2 and len(found["said"]) == 2 and "make room" in found["said"][1], found
    assert found["sound"] == ["ok"] and 0 < found["recorded"] < 12
    assert found["again"] == 0 and found["scores"] == [5.0] * 12


FULL_DISK = '''
import json, shutil, sqlite3, subprocess, sys
from pathlib import Path
course, disk = map(Path, sys.argv[1:])
shutil.copytree(course, disk / "course")
course = disk / "course"
grade = [sys.executable, "-m", "tinytorch_grader", "grade", course, "--no-sandbox"]
with open(disk / "ballast", "wb", buffering=0) as f:
    try:
        while True: f.write(bytes(4096))
    except OSError: pass
    f.truncate(f.tell() - 160_000)
first = subprocess.run(grade, capture_output=True, text=True)
with sqlite3.connect(course / "gradebook.db") as db:
    sound = [row[0] for row in db.execute("PRAGMA integrity_check")]
    recorded = db.execute("SELECT count(*) FROM submitted_assignment").fetchone()[0]
(disk / "ballast").unlink()
second = subprocess.run([*grade, "--json", course / "g.json"], capture_output=True, text=True)
scores = [row["score"] for row in json.loads((course / "g.json").read_text())["submissions"]]
print(json.dumps({"status": first.returncode, "said": first.stderr.splitlines(), "sound": sound, "recorded": recorded,
                  "again": second.returncode, "scores": scores}))
'''


@needs_cage
@pytest.mark.parametrize("limits", ["-n 64", "-v 2000000"])
def test_the_limits_of_this_machine_are_nobodys_fault(course, limits):
    hand_in(course, "ada", **RIGHT)
    said = subprocess.run(["bash", "-c", f'ulimit {limits}; exec "$@"', "-", sys.executable, "-m", "tinytorch_grader",
                           "grade", course, "--json", course / "g.json"], capture_output=True, text=True, timeout=300,
                          cwd=ROOT)
    assert said.returncode == 0 and grades(course / "g.json")["ada"]["score"] == 5, said


def test_a_run_that_ends_before_the_students_first_cell_changes_no_grade(course, monkeypatch):
    hand_in(course, "ada", **RIGHT)
    assert [row["score"] for row in grading.grade(course, sandbox=False)] == [5]
    before, run = (course / "_grades" / "ada.json").read_text(), grading.Bare.run
    monkeypatch.setattr(grading.Bare, "run", lambda self, job: run(self, Job(1, [Step("given", "given", "")])))
    monkeypatch.setattr(Trusted, "sources", lambda *_: {"given": "import os; os._exit(1)"})
    with pytest.raises(grading.CageMissing, match="before the student's first cell.*in cell given.*ulimit"):
        grading.grade(course, sandbox=False, force=True)
    assert (course / "_grades" / "ada.json").read_text() == before and gradebook(course)["ada"]["score"] == 5
