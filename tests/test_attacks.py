"Every submission of tests/attacks/ through `capstone grade`, together with honest neighbours. Needs bubblewrap."
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import submissions
from attacking import NAME, attacks, hand_in, mistaken
from submissions import ROOT, TRUSTED, graded, notebook, save, solutions

from tinytorch_grader import judge
from tinytorch_grader.cage.watch import PATIENCE
from tinytorch_grader.visible import visible

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap: run `make system`")
ATTACKS = {attack.name: attack for attack in attacks()}
FORGERIES = {f"{name}_b": attack for name, attack in ATTACKS.items()
             if name.startswith("forge_") and not attack.hands_in and attack.cell == "part1-model"}
# who is handed in beside plausible code, too: a third of them in make test, all with --long
QUICK = set(list(FORGERIES)[::3])
BESIDE = [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in FORGERIES]
TIMEOUT, RIGHT = 2, solutions()
HONEST = {"honest_a": {"reflection": "NEIGHBOUR-LOOT, my own words"},
          "honest_m": {"part2-timing": RIGHT["part2-timing"].replace("/ 1e6", "/ 1e9")},
          "honest_z": dict.fromkeys(list(RIGHT)[3:], "")}
LOOT = {"home": "HOME-LOOT-5b1e", "environment": "ENV-LOOT-c03d", "file": "FILE-LOOT-77aa",
        "neighbour": "NEIGHBOUR-LOOT"}


def tree(*folders):
    "Every file below `folders` with its bytes and permissions, links by their target."
    found = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            state = path.lstat()
            found[str(path)] = (oct(state.st_mode), os.readlink(path) if path.is_symlink() else path.read_bytes()
                                if path.is_file() and state.st_size < 10**8 else state.st_size)
    return found


def processes(*words):
    "Command lines on this machine that hold one of `words`."
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: line = Path("/proc", pid, "cmdline").read_bytes()
        except OSError: continue
        if any(word.encode() in line for word in words) and int(pid) != os.getpid(): found.append(line)
    return found


class Run:
    "One `capstone grade` of everybody, what was there before it and after it."


@pytest.fixture(scope="module")
def run(request, tmp_path_factory):
    from tinytorch_grader.release import make_course
    run, base = Run(), tmp_path_factory.mktemp("attacks")
    run.course, run.marker = make_course(base / "course"), f"9876{os.getpid():07d}"
    home, temporary = base / "home", base / "tmp"
    for folder in (home / ".ssh", temporary): folder.mkdir(parents=True)
    (home / ".ssh" / "id_rsa").write_text(LOOT["home"])
    (run.course / "secret.txt").write_text(LOOT["file"])
    for student, changes in HONEST.items():
        folder = run.course / "submitted" / student / NAME
        folder.mkdir(parents=True)
        save(folder, notebook(changes))
    for name, attack in ATTACKS.items(): hand_in(run.course, attack, name, run.marker)
    run.beside = FORGERIES.keys() if request.config.getoption("--long") else QUICK
    for name in run.beside: hand_in(run.course, FORGERIES[name], name, run.marker, base=mistaken())
    guarded = [run.course / "source", run.course / "release", run.course / "submitted", home, submissions.np_folder()]
    run.before = tree(*guarded)
    run.config = (run.course / "nbgrader_config.py").read_bytes(), (run.course / "secret.txt").read_bytes()
    run.done = subprocess.run([sys.executable, "-m", "tinytorch_grader", "grade", run.course, "--workers",
                               "6", "--timeout", str(TIMEOUT), "--memory", "700", "--json", base / "grades.json"],
                              capture_output=True, text=True, cwd=base, env=os.environ
                              | {"HOME": str(home), "TMPDIR": str(temporary), "CAPSTONE_LOOT": LOOT["environment"]})
    run.left = processes(run.marker, str(temporary))
    run.after = tree(*guarded)
    run.temporary = list(temporary.iterdir())
    run.rows = {row["student"]: row for row in json.loads((base / "grades.json").read_text())["submissions"]}
    return run


def outputs(run, student):
    "Everything of a student's run that the grader kept, without the trusted cells."
    path = run.course / "autograded" / student / NAME / f"{NAME}.ipynb"
    cells = json.loads(path.read_text())["cells"] if path.is_file() else []
    return (json.dumps([cell.get("outputs") for cell in cells], ensure_ascii=False)
            + json.dumps(run.rows[student], ensure_ascii=False))


def test_there_are_enough_of_them_and_each_says_what_it_tries():
    assert len(ATTACKS) >= 50 and len({attack.tries for attack in ATTACKS.values()}) == len(ATTACKS)
    assert ({name.partition("_")[0] for name in ATTACKS}
            == {"read", "write", "forge", "deny", "file", "feedback", "line"})


def test_the_command_ended_in_order(run):
    assert run.done.returncode == 1 and "Traceback" not in run.done.stdout + run.done.stderr, run.done.stderr
    assert set(run.rows) == set(HONEST) | set(ATTACKS) | set(run.beside)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_as_it_should_and_gains_nothing(run, name):
    row = run.rows[name]
    assert (row["status"] in ATTACKS[name].statuses and row["score"]
            == 0), (row["status"], row["message"], {k: v for k, v in row["parts"].items() if v["score"]})
    assert row["seconds"] < PATIENCE * TIMEOUT + 8 and "\n" not in row["message"]
    assert (row["status"] == "graded") or row["message"]


@pytest.fixture(scope="module")
def honestly_mistaken(tmp_path_factory):
    with submissions.box(seconds=60) as box:
        return graded(box, save(tmp_path_factory.mktemp("base"), notebook(mistaken())))


@pytest.mark.parametrize("name", BESIDE)
def test_a_forgery_beside_plausible_code_gains_nothing(run, honestly_mistaken, name):
    row = run.rows[name]
    assert (honestly_mistaken.status == "graded"
            and row["status"] in (*FORGERIES[name].statuses, "graded", "tampered", "timeout", "crashed"))
    gained = {part for part, got in row["parts"].items()
              if got["score"] > honestly_mistaken.parts.get(part, {"score": 0})["score"]}
    assert gained == set() and row["score"] <= honestly_mistaken.score


def test_every_message_can_be_seen(run):
    for row in run.rows.values():
        for said in [row["message"], *(part["message"] for part in row["parts"].values())]: assert visible(said) == said
    assert "\\u202e0 fo 59" in run.rows["feedback_unseen"]["parts"]["part1-forward"]["message"]


@pytest.mark.parametrize("name", [*ATTACKS, *BESIDE])
def test_nothing_outside_the_cage_was_read(run, name):
    kept = outputs(run, name)
    assert (not [loot for loot in LOOT.values() if loot in kept]
            and str(Path.home()) + "/" not in kept.replace(str(run.course), ""))
    assert not judge.Hidden(TRUSTED).within(kept)


def test_nothing_outside_the_cage_was_written(run):
    changed = [path for path in run.before.keys() | run.after.keys() if run.before.get(path) != run.after.get(path)]
    # those are a neighbouring test's `python -O`
    assert [path for path in changed if not str(path).endswith(".opt-1.pyc")] == []
    assert run.config == ((run.course / "nbgrader_config.py").read_bytes(), (run.course / "secret.txt").read_bytes())
    assert run.temporary == [] and not os.path.exists("/tmp/owned")
    assert not [path for package in ("src/tinytorch_grader", "tinytorch") for path in (ROOT / package).rglob("*.py")
                if "raise SystemExit('owned')" in path.read_text()]


def test_no_process_is_left(run):
    assert run.left == []


@pytest.mark.parametrize("student", HONEST)
def test_neighbours_have_the_grades_they_have_alone(run, student):
    with submissions.box(seconds=60) as box:
        alone = graded(box, run.course / "submitted" / student / NAME / f"{NAME}.ipynb")
    row = run.rows[student]
    assert (row["status"] == "graded" and {k: v["score"] for k, v in row["parts"].items()
                                           if v["max_score"]} == {k: v["score"] for k, v in alone.parts.items()})
    assert {"honest_a": 95, "honest_m": 92}.get(student, row["score"]) == row["score"] > 0


def test_the_gradebook_says_the_same(run):
    with sqlite3.connect(run.course / "gradebook.db") as book:
        assert book.execute("pragma integrity_check").fetchone() == ("ok",)
        sums = dict(book.execute("select s.student_id, sum(coalesce(g.auto_score, 0)) from submitted_assignment s join "
                                 "submitted_notebook n on n.assignment_id = s.id "
                                 "join grade g on g.notebook_id = n.id group by s.student_id"))
    assert ({student: row["score"] for student, row in run.rows.items() if student in sums} == sums
            and set(HONEST) <= set(sums))
    assert sum(sums.values()) == sum(run.rows[student]["score"]
                                     for student in HONEST) + sum(run.rows[name]["score"] for name in run.beside)
