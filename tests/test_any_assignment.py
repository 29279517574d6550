"""Any nbgrader assignment: nbgrader's own example course gets the scores that stock gives to honest work, in the same cage."""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from grading import ASSIGNMENT, RIGHT, capstone, gradebook, grades, hand_in, make_course, needs_cage, nbgrader

from tinytorch_grader import grade as grading
from tinytorch_grader.gradebook import Gradebook
from tinytorch_grader.pages import feedback, report

CAGE = [] if shutil.which("bwrap") else ["--no-sandbox"]


def answered(course, student, change=lambda grade_id, source: source):
    "Hand in the released notebooks of ps1 with the source's solutions, after `change`."
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True)
    for path in (course / "source" / "ps1").glob("*.ipynb"):
        book, solved = json.loads((course / "release" / "ps1" / path.name).read_text()), json.loads(path.read_text())
        known = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in solved["cells"]}
        for cell in book["cells"]:
            mark = cell["metadata"].get("nbgrader", {})
            if mark.get("solution"): cell["source"] = change(mark["grade_id"], re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", known[mark["grade_id"]]))
        (folder / path.name).write_text(json.dumps(book))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    "nbgrader's example, with three students: right, one mistake, and code that reaches for the tests."
    folder = tmp_path_factory.mktemp("any")
    subprocess.run([Path(sys.executable).with_name("nbgrader"), "quickstart", "c101"], cwd=folder, check=True, capture_output=True, timeout=300)
    course = folder / "c101"
    assert nbgrader(course, "generate_assignment", "ps1").returncode == 0
    answered(course, "ada")
    answered(course, "bob", lambda name, source: source.replace("range(1, n + 1)", "range(1, n)").replace("for i in range(1, n+1)", "for i in range(1, n)"))
    answered(course, "eve", lambda name, source: "import builtins\nbuiltins.AssertionError = type('E', (Exception,), {})\nclass Any:\n    __eq__ = lambda *a: True\n"
             "def squares(n): return Any()" if name == "squares" else source)
    return course


def test_the_example_course_is_graded_as_by_stock(course, tmp_path):
    said = capstone("grade", course, "--assignment", "ps1", *CAGE, "--json", tmp_path / "g.json", "--csv", tmp_path / "g.csv")
    assert said.returncode == 0, said.stdout + said.stderr
    rows = grades(tmp_path / "g.json")
    assert set(rows["ada"]["parts"]) > {"problem1/correct_squares", "problem2/part-a"} and rows["ada"]["max_score"] == 13
    stock = shutil.copytree(course, tmp_path / "stock")
    shutil.rmtree(stock / "autograded")
    shutil.rmtree(stock / "submitted" / "eve")
    config = stock / "nbgrader_config.py"
    config.write_text(config.read_text().replace(str(course), str(stock)))
    done = nbgrader(stock, "autograde", "ps1", "--force")
    assert done.returncode == 0, done.stderr[-2000:]
    from nbgrader.api import Gradebook as Stock
    with Stock(f"sqlite:///{stock}/gradebook.db") as book: honest = {s.student.id: s.score for s in book.assignment_submissions("ps1") if s.student.id != "eve"}
    assert {student: rows[student]["score"] for student in honest} == honest and honest["ada"] == 3 > honest["bob"]
    assert rows["eve"]["parts"]["problem1/correct_squares"]["score"] == 0


def test_pages_and_a_second_run(course, tmp_path):
    rows = grading.grade(course, sandbox=not CAGE, assignment="ps1", workers=1)
    assert {row["student"] for row in rows} == {"ada", "bob", "eve"}
    assert grading.grade(course, sandbox=not CAGE, assignment="ps1", workers=1).changed == 0
    folders = feedback.write(course, assignment="ps1")
    assert sorted(path.name for path in folders[0].glob("*.html")) == ["problem1.html", "problem2.html"]
    assert "13 points" in (folders[0] / "problem1.html").read_text() and report.write(course, assignment="ps1").name == "report-ps1.html"
    (course / "submitted" / "bob" / "ps1" / "problem2.ipynb").unlink()
    row = next(row for row in grading.grade(course, sandbox=not CAGE, assignment="ps1", workers=1) if row["student"] == "bob")
    assert row["status"] == "missing" and "problem2: no problem2.ipynb" in row["message"]


@needs_cage
def test_stock_buttons_go_through_the_cage(tmp_path):
    "What Formgrader's buttons call, in a course made here: no code of a student runs outside, no hidden test goes out."
    course, marker = make_course(tmp_path), tmp_path / "escaped"
    hand_in(course, "eve", **RIGHT | {"double": f"open({str(marker)!r}, 'w').close()\n{RIGHT['double']}"})
    hand_in(course, "ada", **RIGHT)
    done = nbgrader(course, "autograde", ASSIGNMENT, "--create")
    assert done.returncode == 0 and not marker.exists(), done.stderr[-2000:]
    assert gradebook(course)["ada"]["score"] == 5
    with Gradebook(course) as book: assert book.grades()["ada"].waiting == 5
    done = nbgrader(course, "generate_feedback", ASSIGNMENT)
    page = (course / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    assert done.returncode == 0 and "Content-Security-Policy" in page and "double(3) == 6" not in page, done.stderr[-2000:]
    hand_in(course, "bad").write_text("{")
    done = nbgrader(course, "autograde", ASSIGNMENT, "--create", "--student", "bad")
    assert done.returncode and "is not JSON" in done.stderr
