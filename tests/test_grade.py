"""`capstone grade` on a small course: statuses, exit status,
what reaches the gradebook and what a person entered there."""
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import datetime

import pytest

nbgrader_api = pytest.importorskip("nbgrader.api", reason="nbgrader is not installed: pip install 'tinytorch[grader]'")
from grading import (  # noqa: E402
    ASSIGNMENT,
    RIGHT,
    ROOT,
    WRONG,
    capstone,
    cell,
    gradebook,
    grades,
    hand_in,
    make_course,
    needs_cage,
    small_source,
    warm,
)
from nbformat.v4 import new_markdown_cell  # noqa: E402

from tinytorch_grader import grade as grading, release  # noqa: E402
from tinytorch_grader.cli import COLUMNS  # noqa: E402

ON_TIME = "2026-01-31 12:00:00 UTC"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("small"))


@pytest.fixture
def course(template, tmp_path):
    "A fresh copy of the course."
    import shutil
    return shutil.copytree(template, tmp_path / "course")


def run(course, **options):
    "{student: row} of a `grade` in this process, without bubblewrap."
    return {row["student"]: row for row in grading.grade(course, sandbox=False, **options)}


def strip(rows):
    "Rows without what the machine has a say in."
    return {student: {k: v for k, v in row.items() if k != "seconds"} for student, row in rows.items()}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """One class through the real command, sandbox on where there is one: the course, the process,
    rows of --json and --csv."""
    course = make_course(tmp_path_factory.mktemp("class"))
    hand_in(course, "ada", ON_TIME, **RIGHT)
    hand_in(course, "bob", **RIGHT | {"half": WRONG})
    hand_in(course, "cyd", **RIGHT | {"half": "while True: pass"})
    hand_in(course, "dan", **RIGHT | {"double": "import os; os._exit(1)"})
    hand_in(course, "eve")
    hand_in(course, "fay").write_text("{")
    hand_in(course, "hal", **RIGHT | {"half": "hoard = [bytearray(2**20) for _ in range(4000)]"})
    (course / "submitted" / "gus" / ASSIGNMENT).mkdir(parents=True)
    (course / "submitted" / "ivy").symlink_to(course / "submitted" / "ada")
    (course / "submitted" / "README.txt").write_text("no student")
    import shutil
    cage = [] if shutil.which("bwrap") else ["--no-sandbox"]
    result = capstone("grade", course, "--workers", 2, "--timeout", 4, "--memory", 512, "--json", course / "g.json",
                      "--csv", course / "g.csv", *cage)
    return (course, result, grades(course / "g.json"),
            list(csv.DictReader(open(course / "g.csv", newline="", encoding="utf-8"))))


def test_every_ending_has_its_status(graded):
    course, result, rows, _ = graded
    assert ({student: row["status"] for student, row in rows.items()}
            == {"ada": "graded", "bob": "graded", "cyd": "timeout", "dan": "crashed", "eve": "graded", "fay": "invalid",
                "gus": "missing", "hal": "memory", "ivy": "invalid"})
    assert result.returncode == 1 and "Traceback" not in result.stderr
    for student in ("cyd", "dan", "fay", "gus", "hal", "ivy"):
        assert rows[student]["message"] and f"{student} " in result.stdout


def test_earlier_cells_count_when_a_run_is_cut_off(graded):
    _, _, rows, _ = graded
    assert {student: row["score"] for student, row in rows.items()} == {
        "ada": 5, "bob": 2, "cyd": 2, "dan": 0, "eve": 0, "fay": 0, "gus": 0, "hal": 2, "ivy": 0}
    assert rows["cyd"]["parts"]["half-check"]["message"]


def test_json_and_csv_say_the_same(graded):
    course, _, rows, table = graded
    document = json.loads((course / "g.json").read_text())
    assert (list(document) == ["assignment", "max_score", "submissions"] and document["assignment"] == ASSIGNMENT
            and document["max_score"] == 10)
    assert [row["student"] for row in table] == list(rows) == sorted(rows)
    for line in table:
        row = rows[line["student"]]
        assert (tuple(row) == COLUMNS
                and set(COLUMNS) | set(row["parts"]) | {"penalty", "late_hours", "name"} == set(line))
        assert all(float(line[name]) == part["score"] for name, part in row["parts"].items())
        assert float(line["score"]) == row["score"] == sum(part["score"] for part in row["parts"].values())
        assert json.loads(line["parts"]) == row["parts"] and set(row["parts"]) == {"double-check", "half-check", "why"}


def test_what_reaches_the_gradebook(graded):
    course, _, _, _ = graded
    book = gradebook(course)
    assert ({student: found["score"] for student, found in book.items()}
            == {"ada": 5, "bob": 2, "cyd": 2, "dan": 0, "eve": 0, "fay": 0, "hal": 2, "ivy": 0})
    assert book["ada"]["timestamp"] == datetime(2026, 1, 31, 12) and not book["ada"]["failed"] and book["bob"]["failed"]
    assert (book["ada"]["grades"]["why"] == (None, None, True, False, 5)
            and book["eve"]["grades"]["why"] == (0, None, False, False, 5))
    assert book["eve"]["comments"] == {name: ("No response.", None) for name in ("double", "half", "why")}
    assert not book["fay"]["manual"]


def test_what_lies_in_autograded(graded):
    course, _, _, _ = graded
    folder = course / "autograded" / "ada" / ASSIGNMENT
    notebook = json.loads((folder / f"{ASSIGNMENT}.ipynb").read_text())
    assert ([cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook["cells"]]
            == ["given", "double", "double-check", "half", "half-check", "why"])
    assert (folder / "timestamp.txt").read_text() == ON_TIME
    assert stat.S_IMODE((folder / f"{ASSIGNMENT}.ipynb").stat().st_mode) == 0o444
    assert not (course / "autograded" / "fay").joinpath(ASSIGNMENT).exists()


def test_secret_and_seed(graded):
    course, _, _, _ = graded
    assert stat.S_IMODE((course / ".capstone_secret").stat().st_mode) == 0o600
    secret = (course / ".capstone_secret").read_text()
    states = {student: (course / "_grades" / f"{student}.json").read_text() for student in ("ada", "bob")}
    assert len(secret) == 64 and not any(secret in text for text in states.values())
    ada, bob = (json.loads(text) for text in states.values())
    assert ada["seed"] != bob["seed"] and ada["notes"] == []


def test_all_well_is_status_0(graded):
    course, _, _, _ = graded
    result = capstone("grade", course, "--student", "ada", "--student", "bob", "--timeout", 4, "--memory", 512,
                      "--no-sandbox", "--json", course / "two.json")
    rows = grades(course / "two.json")
    assert result.returncode == 0 and sorted(rows) == ["ada", "bob"] and rows["ada"]["score"] == 5
    assert all("without a sandbox" in row["message"] for row in rows.values())
    assert result.stdout.count("without a sandbox") == 1, "once, and not in every row"


def test_unchanged_submissions_are_not_run_again(course, monkeypatch):
    hand_in(course, "ada", **RIGHT)
    hand_in(course, "eve")
    first = run(course)
    monkeypatch.setattr(grading, "Bare", None)   # nothing can run any more
    assert run(course) == first
    hand_in(course, "eve", **RIGHT)
    with pytest.raises(TypeError): run(course)
    monkeypatch.undo()
    assert run(course)["eve"]["score"] == 5


def test_a_crashed_submission_is_run_again_when_it_or_the_limits_change(course):
    hand_in(course, "ada", **RIGHT | {"double": "import os; os._exit(1)"})
    assert run(course)["ada"]["status"] == "crashed"
    rows = grading.grade(course, sandbox=False)
    assert rows.changed == 0 and [row["status"] for row in rows] == ["crashed"]
    assert grading.grade(course, sandbox=False, memory=3000).changed == 1
    hand_in(course, "bob").write_text("{")
    assert [grading.grade(course, sandbox=False, memory=3000).changed for _ in range(2)] == [1, 0]


def test_grading_twice_gives_the_same(course):
    for student in ("ada", "bob"): hand_in(course, student, **RIGHT | {"half": WRONG})
    seeds = lambda: [json.loads((course / "_grades" / f"{s}.json").read_text())["seed"] for s in ("ada", "bob")]
    first, before = run(course), seeds()
    assert strip(run(course, force=True)) == strip(first) and seeds() == before


@pytest.mark.parametrize("answer", ["", " \n", "YOUR ANSWER HERE\n"])
def test_an_emptied_answer_waits_for_nobody(course, answer):
    hand_in(course, "ada", **RIGHT | {"why": answer})
    row, found = run(course)["ada"], gradebook(course)["ada"]
    assert row["parts"]["why"]["message"] == "nothing written" and not row["needs_manual"] and not found["manual"]
    assert found["grades"]["why"][:3] == (0, None, False) and found["comments"]["why"][0] == "No response."


def test_fewer_parts_handed_in_again_the_new_score_counts(course):
    hand_in(course, "ada", **RIGHT)
    assert run(course)["ada"]["score"] == 5
    hand_in(course, "ada", half=RIGHT["half"])
    assert run(course)["ada"]["score"] == 3 == gradebook(course)["ada"]["score"]
    hand_in(course, "ada").write_text("not a notebook")
    assert (run(course)["ada"] | {"parts": 0, "message": 0}
            == {"student": "ada", "status": "invalid", "score": 0, "max_score": 10, "needs_manual": False, "parts": 0,
                "seconds": 0, "message": 0})
    assert gradebook(course)["ada"]["score"] == 0 and not (course / "autograded" / "ada" / ASSIGNMENT).exists()
    (course / "submitted" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").unlink()
    hand_in(course, "bob", **RIGHT)
    assert (run(course)["ada"]["status"] == "missing" and gradebook(course)["ada"]["score"] == 0
            and gradebook(course)["bob"]["score"] == 5)


def test_raised_limits_give_another_try(course):
    hand_in(course, "ada", **RIGHT
            | {"double": "end = time.process_time() + 2\nwhile time.process_time() < end: pass\n" + RIGHT["double"]})
    assert run(course, timeout=1)["ada"]["status"] == "timeout"
    assert run(course, timeout=60)["ada"]["status"] == "graded"


def test_a_mark_scheme_worth_nothing_waits_for_nobody(tmp_path):
    scheme = cell("scheme", "Why?\n=== BEGIN MARK SCHEME ===\nany reason\n=== END MARK SCHEME ===", 0,
                  make=new_markdown_cell)
    scheme.metadata["nbgrader"] |= {"grade": False, "task": True}
    course = make_course(tmp_path, [scheme])
    hand_in(course, "ada", **RIGHT)
    assert run(course)["ada"]["needs_manual"], "for the answer `why`"
    with nbgrader_api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        grade = book.find_grade("why", ASSIGNMENT, ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 4, False
        book.db.commit()
    row, found = run(course)["ada"], gradebook(course)["ada"]
    assert row["score"] == 9 and not row["needs_manual"] and not found["manual"]


def test_what_a_person_entered_survives(course):
    hand_in(course, "ada", **RIGHT)
    run(course)
    with nbgrader_api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        grade = book.find_grade("why", ASSIGNMENT, ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 4, False
        book.find_grade("double-check", ASSIGNMENT, ASSIGNMENT, "ada").extra_credit = 1
        book.find_comment("why", ASSIGNMENT, ASSIGNMENT, "ada").manual_comment = "well said"
        book.db.commit()
    row = run(course)["ada"]
    assert (row["score"] == 10 and not row["needs_manual"] and row["parts"]["why"]["score"] == 4
            and row["parts"]["double-check"]["score"] == 3)
    hand_in(course, "ada", **RIGHT | {"half": WRONG})
    row, found = run(course)["ada"], gradebook(course)["ada"]
    assert row["score"] == found["score"] == 7
    # its answer is the same
    assert found["grades"]["why"][1:3] == (4, False) and found["comments"]["why"][1] == "well said"


def test_late_penalties_follow_the_course(course):
    (course / "nbgrader_config.py").open("a").write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with nbgrader_api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_assignment(ASSIGNMENT, duedate="2026-02-01 00:00:00 UTC")
    hand_in(course, "ada", ON_TIME, **RIGHT)
    hand_in(course, "bob", "2026-02-01 00:00:01 UTC", **RIGHT)
    rows, book = run(course), gradebook(course)
    assert (book["ada"]["late"] == 0 and book["bob"]["late"] == 5
            and "late: 5 points taken off" in rows["bob"]["message"])
    assert (rows["ada"]["score"], rows["bob"]["score"]) == (5, 0) and rows["bob"]["parts"]["half-check"]["score"] == 3
    # the clock was wrong: nothing to run again
    (course / "submitted" / "bob" / ASSIGNMENT / "timestamp.txt").write_text(ON_TIME)
    assert run(course)["bob"]["message"] == rows["ada"]["message"] and gradebook(course)["bob"]["late"] == 0


def test_notes_stand_with_the_grades(course):
    hand_in(course, "ada", **RIGHT)
    bob = hand_in(course, "bob", **RIGHT)
    bob.write_text(bob.read_text().replace('"nbformat": 4', '"nbformat": 3').replace('"half"', '"halved"'))
    rows = run(course)
    assert (rows["ada"]["message"] == "graded without a sandbox"
            and "cells half: missing; restore them" in rows["bob"]["message"])
    assert "nbformat: got 3" in rows["bob"]["message"] and rows["ada"]["status"] == "graded" and run(course) == rows


@pytest.mark.parametrize("text", ["yesterday", "", "2026-99-99 00:00:00 UTC", "\x00" * 500, "9" * 300])
def test_a_forged_timestamp_costs_nothing_but_a_note(course, text):
    hand_in(course, "ada", **RIGHT)
    (course / "submitted" / "ada" / ASSIGNMENT / "timestamp.txt").write_text(text)
    row = run(course)["ada"]
    assert row["score"] == 5 and "timestamp.txt" in row["message"] and gradebook(course)["ada"]["timestamp"] is None


def test_a_timestamp_that_is_no_file_stops_nobody_and_none_is_read_through_a_link(course, tmp_path):
    (hand_in(course, "ada", **RIGHT).parent / "timestamp.txt").mkdir()
    os.mkfifo(hand_in(course, "bob", **RIGHT).parent / "timestamp.txt")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "timestamp.txt").write_text("LOOT of somebody")
    for student in ("eve", "fay"): (course / "submitted" / student).mkdir()
    os.symlink(tmp_path / "other", course / "submitted" / "eve" / ASSIGNMENT)
    os.rmdir(course / "submitted" / "fay")
    os.symlink(tmp_path, course / "submitted" / "fay")
    rows = run(course)
    assert {student: row["score"] for student, row in rows.items()} == {"ada": 5, "bob": 5, "eve": 0, "fay": 0}
    assert (all("timestamp.txt is no ordinary file" in rows[student]["message"] for student in ("ada", "bob"))
            and "LOOT" not in str(rows))
    assert rows["eve"]["status"] == "invalid"


def test_two_folders_are_two_rows_however_their_names_look(course):
    os.makedirs(os.fsencode(course / "submitted") + b"/\xff/" + ASSIGNMENT.encode())
    hand_in(course, "\\udcff", **RIGHT)
    rows = [(row["student"], row["status"]) for row in grading.grade(course, sandbox=False)]
    assert rows == [("\\udcff", "graded"), ("\\udcff?", "invalid")]


@pytest.mark.parametrize("change",
                         [lambda state: [state], lambda state: {k: v for k, v in state.items() if k != "sha256"},
                          lambda state: state | {"parts": {"double-check": 2}}, lambda state: state | {"auto": None},
                          lambda state: state | {"student": "bob"}, lambda state: 7])
def test_a_record_that_is_not_whole_is_none(course, change):
    hand_in(course, "ada", **RIGHT)
    first, path = strip(run(course)), course / "_grades" / "ada.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert strip(run(course)) == first and json.loads(path.read_text())["student"] == "ada"


def test_odd_names_and_links(course):
    hand_in(course, "ada", **RIGHT)
    for name in ("a" * 129, "\x1b[31mred", "=1+1", "Zoë {x} %s", "-x"): hand_in(course, name, **RIGHT)
    os.symlink(course / "submitted" / "ada" / ASSIGNMENT,
               (course / "submitted" / "bob").mkdir() or course / "submitted" / "bob" / ASSIGNMENT)
    raw = os.fsencode(course / "submitted") + b"/\xff"
    os.makedirs(raw + b"/" + ASSIGNMENT.encode())
    cat = hand_in(course, "cat", **RIGHT)
    cat.write_text(cat.read_text().replace('"schema_version": 3', '"schema_version": "\\ud800"'))
    os.makedirs(dog := os.fsencode(course / "submitted" / "dog" / ASSIGNMENT))
    open(dog + b"/\xff.ipynb", "w").close()
    capstone("grade", course, "--no-sandbox", "--json", course / "g.json", "--csv", course / "g.csv")
    rows = run(course)
    assert list(grades(course / "g.json")) == sorted(rows)
    assert {n: r["status"] for n, r in rows.items()} == {
        "cat": "graded", "dog": "missing",
        "ada": "graded", "a" * 129: "invalid", "\x1b[31mred": "invalid", "=1+1": "graded", "Zoë {x} %s": "graded",
        "-x": "graded", "bob": "invalid",
        "\\udcff": "invalid"}
    assert all(row["score"] == 5 for row in rows.values() if row["status"] == "graded")


def test_notebooks_in_other_places_are_listed_with_the_place_to_move_them_to(course):
    path = hand_in(course, "ada", **RIGHT)
    there = course / "submitted"
    for place in ("alice.ipynb", "direct/20_capstone.ipynb", "case/20_Capstone/20_capstone.ipynb",
                  "deep/20_capstone/work/mine.ipynb"):
        (there / place).parent.mkdir(parents=True, exist_ok=True)
        (there / place).write_bytes(path.read_bytes())
    rows = run(course)
    assert ({student: row["status"] for student, row in rows.items()}
            == {"ada": "graded"} | dict.fromkeys(("alice.ipynb", "direct", "case", "deep"), "missing"))
    assert "move it to submitted/STUDENT/20_capstone/20_capstone.ipynb" in rows["alice.ipynb"]["message"]
    for student, found in (("direct", "20_capstone.ipynb"), ("case", "20_Capstone/20_capstone.ipynb"),
                           ("deep", "work/mine.ipynb")):
        assert (f"there is {found}: move it to submitted/{student}/20_capstone/20_capstone.ipynb"
                in rows[student]["message"]), rows[student]
    assert [*run(course, students=["ada"])] == ["ada"]


def test_a_student_of_the_roster_without_a_submission(course):
    with nbgrader_api.Gradebook(f"sqlite:///{course}/gradebook.db") as book: book.add_student("zoe")
    hand_in(course, "ada", **RIGHT)
    assert [*run(course)] == ["ada"]
    assert run(course, students=["zoe"])["zoe"]["status"] == "missing" and "zoe" not in gradebook(course)
    with pytest.raises(grading.GradeError, match="--student \\.\\./ada"): run(course, students=["../ada"])


def test_no_cell_of_the_gradebook_may_differ_from_the_source(course):
    hand_in(course, "ada", **RIGHT)
    source = course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    source.write_text(source.read_text().replace('"points": 3', '"points": 4'))
    with pytest.raises(RuntimeError, match="half-check.*capstone course"): run(course)


def test_a_database_that_never_saw_the_assignment(course, tmp_path):
    hand_in(course, "ada", **RIGHT)
    hand_in(course, "bob")
    url = f"sqlite:///{tmp_path}/other.db"
    there = run(course, db=url)
    assert there["ada"]["score"] == 5 and not gradebook(course)
    assert strip(run(course)) == strip(there)   # the course remembers
    source = course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    source.write_text(source.read_text().replace('"points": 3', '"points": 4'))
    assert run(course, db=url)["ada"]["score"] == 6   # no `capstone course` reaches that database
    source.write_text(source.read_text().replace('"half-check"', '"half-test"'))
    with pytest.raises(RuntimeError, match="other.db: Cannot add or remove cells"): run(course, db=url)


def test_a_new_gradebook_is_of_the_version_that_nbgrader_asks_a_command_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", warm()["PATH"])
    version = nbgrader_api.get_alembic_version()
    monkeypatch.setattr(nbgrader_api, "get_alembic_version", lambda: pytest.fail("a process of alembic"))
    made = release.make_course(tmp_path / "made", small_source())
    opened = tmp_path / "opened.db"
    hand_in(shutil.copytree(made, tmp_path / "other"), "ada")
    run(tmp_path / "other", db=f"sqlite:///{opened}")
    for path in (made / "gradebook.db", opened):
        with contextlib.closing(sqlite3.connect(path)) as book:
            assert book.execute("SELECT version_num FROM alembic_version").fetchall() == [(version,)]


@needs_cage
def test_a_failure_of_the_grader_itself_is_tried_again(course, monkeypatch):
    hand_in(course, "ada", **RIGHT)
    hand_in(course, "bob", **RIGHT)
    read = grading.intake.read
    monkeypatch.setattr(grading.intake, "read", lambda path, trusted: {}["x"] if "/bob/" in str(path)
                        else read(path, trusted))
    rows = {row["student"]: row for row in grading.grade(course)}
    assert rows["ada"]["score"] == 5 and rows["bob"]["status"] == "invalid" and "KeyError" in rows["bob"]["message"]
    monkeypatch.undo()
    judge = grading.judge
    monkeypatch.setattr(grading, "judge", lambda *a: 1 / 0 if a[-1] == "bob" else judge(*a))
    rows = {row["student"]: row for row in grading.grade(course)}
    assert (rows["ada"]["score"] == 5 and rows["bob"]["status"] == "crashed"
            and "ZeroDivisionError" in rows["bob"]["message"])
    monkeypatch.undo()
    assert {row["student"]: row["score"] for row in grading.grade(course)} == {"ada": 5, "bob": 5}


LESS = """
import os, select, shutil, socket, subprocess, sys, types
shutil._use_fd_functions = False
for name in ("fork", "forkpty", "killpg", "sched_getaffinity", "pipe2", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
    delattr(os, name)
for name in ("fcntl", "resource"): sys.modules[name] = None
del socket.SOCK_SEQPACKET, select.poll
def locking(fd, how, count):
    if os.environ.get("LOCKED"): raise OSError("locked")
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
from tinytorch_grader.cage import Bare
Bare.relay = True
from tinytorch_grader.__main__ import main
main()
"""


def test_a_system_without_what_linux_has(course):
    "`grade --no-sandbox` as on Windows: no fcntl, no processor affinity, no socket handed to a process."
    hand_in(course, "ada", **RIGHT)
    hand_in(course, "bob", **RIGHT | {"half": WRONG})

    def run(**env):
        return subprocess.run([sys.executable, "-c", LESS, "grade", course, "--no-sandbox", "--json",
                               course / "g.json"], capture_output=True, text=True, env=os.environ | env, cwd=ROOT)
    done = run(LOCKED="1")
    assert (done.returncode == 2 and "another `capstone grade`" in done.stderr
            and "Traceback" not in done.stderr), done.stderr
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert {student: row["score"] for student, row in grades(course / "g.json").items()} == {"ada": 5, "bob": 2}


def test_nobody_is_none_none_in_formgrader(tmp_path):
    "A name that the LMS said, else the id; what an instructor entered stays, and a name that comes later is taken."
    from nbgrader.api import Gradebook as Stock
    course = make_course(tmp_path)
    file = "Ada Lovelace_101_assignsubmission_file_/20_capstone.ipynb"
    (course / ".capstone_lms").write_text(json.dumps({"names": {"ada": file}}))
    with Stock(f"sqlite:///{course}/gradebook.db") as book:
        book.add_student("cyd", first_name="Cyd", last_name="C.")
        book.add_student("dee")
    for student in ("ada", "bob", "cyd", "dee"): hand_in(course, student, **RIGHT)
    rows = {grade.student: grade.name for grade in grading.grade(course, sandbox=False, workers=1).grades()}
    with Stock(f"sqlite:///{course}/gradebook.db") as book:
        names = {s.id: (s.last_name, s.first_name) for s in book.students}
    assert names == {"ada": ("Lovelace", "Ada"), "bob": ("bob", ""), "cyd": ("C.", "Cyd"), "dee": ("dee", "")}
    assert rows == {"ada": "Ada Lovelace", "bob": "", "cyd": "Cyd C.", "dee": ""}
