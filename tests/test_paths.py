"""One grade, one sum: every path that a grade takes, read from every place that shows it."""
import contextlib
import csv
import io
import json
import re
import shutil
import subprocess
import sys

import pytest
from grading import ASSIGNMENT, RIGHT, ROOT, WRONG, capstone, gradebook, hand_in, make_course
from nbgrader import api
from test_feedback import Reader

from tinytorch_grader import cli, grade as grading
from tinytorch_grader.gradebook import Gradebook, GradebookError, course_directory
from tinytorch_grader.pages import feedback, report

LATE = "2026-02-01 00:00:01 UTC"


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("paths"))


@pytest.fixture
def course(blank, tmp_path):
    return shutil.copytree(blank, tmp_path / "course")


def mark(course, student, part, points, comment=None):
    "What Formgrader stores when a person enters `points`."
    with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        grade = book.find_grade(part, ASSIGNMENT, ASSIGNMENT, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        if comment: book.find_comment(part, ASSIGNMENT, ASSIGNMENT, student).manual_comment = comment
        book.db.commit()


def grade(course, **more):
    return {row["student"]: row for row in grading.grade(course, sandbox=False, **more)}


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


def everywhere(course, student, tmp_path):
    "{place: (points, penalty, points that wait)} of each place that shows the grade of `student`."
    rows, printed = grading.grade(course, sandbox=False), io.StringIO()
    with contextlib.redirect_stdout(printed): cli.print_rows(rows)
    cli.write_grades(tmp_path / "g.json", rows, rows.max_score)
    cli.write_csv(tmp_path / "g.csv", rows)
    row = next(row for row in json.loads((tmp_path / "g.json").read_text())["submissions"] if row["student"] == student)
    with (tmp_path / "g.csv").open(newline="", encoding="utf-8") as file:
        line = next(line for line in csv.DictReader(file) if line["student"] == student)
    line_of = next(words for words in printed.getvalue().splitlines() if words.startswith(student))
    total = list(map(float,
                     re.findall(r"(?<= )[\d.]+(?= |$)", line_of.partition("points await")[0].partition("late:")[0])))
    feedback.write(course)
    page = Reader((course / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")).text
    of_report = re.search(rf"<bdi>{student}</bdi></a></th>(.*?)</tr>",
                          report.write(course).read_text(encoding="utf-8"))[1]
    with Gradebook(course) as book: one = book.grades()[student]
    with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:   # what Formgrader and nbgrader's exporters add up
        stock = book.find_submission(ASSIGNMENT, student)
        waits = sum(g.cell.max_score for g in stock.notebooks[0].grades if g.needs_manual_grade)
        sums = max(0.0, stock.score - stock.late_submission_penalty), stock.late_submission_penalty, waits
    late, waiting = r"late: ([\d.]+) points taken off", r"([\d.]+) points await"
    return {"gradebook": sums, "Grade": (one.score, one.penalty, one.waiting),
            "json": (row["score"], number(late, row["message"]), sum(m.max_score for m in one.parts.values() if m.waits)
                     if row["needs_manual"] else 0.0),
            "csv": (float(line["score"]), number(late, line["message"]), one.waiting if line["needs_manual"] == "True"
                    else 0.0),
            "csv's columns": (max(0.0, sum(float(line[part]) for part in one.parts) - float(line["penalty"])),
                              float(line["penalty"]), one.waiting),
            "report": (number(r">([\d.]+)</td>", of_report), number(r"([\d.]+) taken off", of_report),
                       number(r"([\d.]+) points wait", of_report)),
            "table": (total[3] if total else None, number(late, line_of), number(waiting, line_of)),
            "feedback": (number(r"([\d.]+) of 10 points", page), number(r"([\d.]+) points are taken off", page),
                         number(r"([\d.]+) points await", page))}


def agree(course, student, tmp_path, expected):
    found = everywhere(course, student, tmp_path)
    assert set(found.values()) == {expected}, found


def test_every_path_ends_in_one_sum(course, tmp_path):
    with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_assignment(ASSIGNMENT, duedate="2026-02-01 00:00:00 UTC")
    ((course / "late.py")
     .write_text("from nbgrader.plugins import LateSubmissionPlugin\n\n\nclass One(LateSubmissionPlugin):\n"
                 "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n        return 1.5\n"))
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("import sys\nsys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))\n"
                   "c.AssignLatePenalties.plugin_class = 'late.One'\n")
    hand_in(course, "ada", **RIGHT)
    agree(course, "ada", tmp_path, (5, 0, 5))                                # automatic
    mark(course, "ada", "why", 4, "well said")
    agree(course, "ada", tmp_path, (9, 0, 0))                                # a person's mark
    (course / "submitted" / "ada" / ASSIGNMENT / "timestamp.txt").write_text(LATE)
    agree(course, "ada", tmp_path, (7.5, 1.5, 0))                            # late
    grade(course, force=True)
    agree(course, "ada", tmp_path, (7.5, 1.5, 0))                            # graded again
    hand_in(course, "ada", LATE, **RIGHT | {"half": WRONG})
    # another solution, the same answer: the mark stays
    agree(course, "ada", tmp_path, (4.5, 1.5, 0))
    mark(course, "ada", "half-check", 2)
    agree(course, "ada", tmp_path, (6.5, 1.5, 0))                            # a person's word about a test
    source = course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    source.write_text(source.read_text().replace("assert double(3) == 6", "assert double(4) == 8"))
    agree(course, "ada", tmp_path, (6.5, 1.5, 0))                            # a changed test: every mark stays
    hand_in(course, "ada", LATE, **RIGHT | {"half": WRONG, "why": "Because I changed it."})
    # a changed answer waits; the code it stands beside is the same
    agree(course, "ada", tmp_path, (6.5, 1.5, 5))
    page = Reader((course / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")).text
    assert "5 points await" in page and "given for an earlier answer" in page and "Because I changed it." in page
    assert "mark it again" in next(iter(grading.grade(course, sandbox=False)))["message"]
    mark(course, "ada", "why", 5)
    hand_in(course, "ada", LATE, **RIGHT | {"half": WRONG, "why": "Because I changed it again."})
    hand_in(course, "ada", LATE, **RIGHT | {"half": WRONG, "why": "Because I changed it."})
    agree(course, "ada", tmp_path, (7.5, 1.5, 0))                            # what was marked is what is there
    with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.find_grade("why", ASSIGNMENT, ASSIGNMENT, "ada").extra_credit = 0.5
        book.db.commit()
    agree(course, "ada", tmp_path, (8, 1.5, 0))                              # extra credit
    hand_in(course, "ada", LATE, half=WRONG)
    # one function left out: both marks were for other work, stand, and wait
    agree(course, "ada", tmp_path, (6, 1.5, 8))


def test_a_penalty_follows_marks_and_due_dates(course):
    "Pages written after a mark, or after another due date, take off what the next `grade` would."
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")

    def due(date):
        with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
            book.update_or_create_assignment(ASSIGNMENT, duedate=date)
    due("2026-02-01 00:00:00 UTC")
    hand_in(course, "ada", LATE, **RIGHT)
    assert grade(course)["ada"]["score"] == 0
    mark(course, "ada", "why", 4)
    with Gradebook(course) as book: assert (book.grades()["ada"].score, book.grades()["ada"].penalty) == (0, 9)
    assert gradebook(course)["ada"]["late"] == 9, "Formgrader's sum"
    due("2026-03-01 00:00:00 UTC")
    with Gradebook(course) as book: assert (book.grades()["ada"].score, book.grades()["ada"].late_s) == (9, 0)
    assert gradebook(course)["ada"]["late"] == 0


def test_who_comes_and_goes_is_the_same_everywhere(course, tmp_path):
    "A folder that is gone keeps its grade; a student removed from the gradebook is gone; a roster typed on a Mac."
    for student in ("ada", "bob", "Zo\u00eb"): hand_in(course, student, **RIGHT)
    grade(course)
    with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.remove_student("bob")
        book.add_student("Zoe\u0308", first_name="Zoë", last_name="Roe")
    for student in ("ada", "bob"): shutil.rmtree(course / "submitted" / student)
    hand_in(course, "cyd")
    (course / "submitted" / "dan").mkdir()
    mark(course, "ada", "why", -2)
    rows = grading.grade(course, sandbox=False)
    assert {row["student"]: row["score"] for row in rows} == {"Zo\u00eb": 5, "ada": 3, "cyd": 0, "dan": 0}
    assert rows.notes == ["ada: graded earlier, and no folder in submitted/ now; kept as it was"]
    beyond = "why: marked outside of what the part is worth"
    assert [row["student"] for row in rows if beyond in row["message"]] == ["ada"]
    cli.write_csv(tmp_path / "g.csv", rows, rows.absent())
    with (tmp_path / "g.csv").open(newline="", encoding="utf-8") as file:
        assert ([(line["student"], line["name"], line["why"]) for line in csv.DictReader(file)]
                == [("Zo\u00eb", "Zoë Roe", "0"), ("ada", "", "-2"), ("cyd", "", "0"), ("dan", "", "0")])
    with Gradebook(course) as book: assert [*book.grades()] == ["Zo\u00eb", "ada", "cyd", "dan"] and not book.absent()
    page = report.write(course).read_text(encoding="utf-8")
    assert "bob" not in page and "Marked outside of what the part is worth</h3>\n<p><bdi>ada" in page
    shutil.rmtree(course / "submitted")
    assert [row["student"] for row in grading.grade(course, sandbox=False)] == ["Zo\u00eb", "ada", "cyd"]


def test_a_mark_survives_a_run_that_was_killed(course, monkeypatch):
    "Killed between autograded/ and the gradebook, the next run still knows which answer the mark was given for."
    hand_in(course, "ada", **RIGHT)
    grade(course)
    mark(course, "ada", "why", 4)
    hand_in(course, "ada", **RIGHT | {"why": "Another answer."})
    with monkeypatch.context() as patch:
        patch.setattr(Gradebook, "_enter", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError): grade(course)
    row = grade(course)["ada"]
    assert row["needs_manual"] and row["score"] == 9 and "earlier answer" in row["parts"]["why"]["message"]


def test_a_course_remembers_its_database(blank, course, tmp_path, monkeypatch):
    hand_in(course, "ada", **RIGHT)
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    assert grade(course, db=url)["ada"]["score"] == 5 and not gradebook(course)
    assert course_directory(course)[0].db_url == url
    with Gradebook(course) as book: assert list(book.grades()) == ["ada"]
    other = shutil.copytree(blank, tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    hand_in(other, "bob", **RIGHT)
    grade(other, db="sqlite:///mine.db")
    monkeypatch.chdir(course)   # the same address would be another file here
    with Gradebook(other) as book: assert [*book.recorded()] == ["bob"]
    (other / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.db_url = 'sqlite:///gradebook.db'\n")
    assert course_directory(other)[0].db_url == f"sqlite:///{other}/gradebook.db"
    for other in (f"sqlite:///{course}/gradebook.db", "postgresql://teacher:secret@127.0.0.1:1/grades"):
        with pytest.raises(GradebookError, match="another database than this course's") as error:
            Gradebook(course, other)
        assert "secret" not in str(error.value)
    with Gradebook(course, url + "?timeout=1") as book: assert list(book.grades()) == ["ada"]   # the same one


def test_a_course_with_grades_keeps_its_database(course, tmp_path):
    hand_in(course, "ada", **RIGHT)
    grade(course)
    with pytest.raises(GradebookError, match="where this course's grades are"):
        feedback.write(course, db=f"sqlite:///{tmp_path}/other.db")


@pytest.mark.parametrize("name", ["Course?1", "ML%20Course", "[2026] ML", "{ml}", "ML*"])
def test_a_path_that_nbgrader_misreads_is_refused(tmp_path, name):
    said = capstone("course", name, cwd=tmp_path)
    assert said.returncode == 2 and len(said.stderr.splitlines()) == 1 and "in the path" in said.stderr, said.stderr
    assert not list(tmp_path.iterdir())


def test_make_and_the_demo_remove_no_course_that_they_did_not_make(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = [tmp_path / "_course", tmp_path / "_build" / "mine"]
    for folder in kept:
        folder.mkdir(parents=True)
        (folder / "nbgrader_config.py").touch()
    clean = lambda: subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True)
    assert clean().returncode == 2 and all(folder.exists() for folder in kept)
    shutil.move(kept[1], tmp_path / "mine")
    assert clean().returncode == 0 and kept[0].exists() and not (tmp_path / "_build").exists()
    code = ("import sys; sys.path.insert(0, 'src/scripts'); import demo; from pathlib import Path\n"
            f"demo.COURSE = Path({str(kept[0])!r}); demo.OURS = demo.COURSE / '.made_by_demo'; demo.make_course()")
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (said.returncode == 1 and "did not make" in said.stderr
            and (kept[0] / "nbgrader_config.py").exists()), said.stderr


def test_another_place_of_installation_grades_nothing_again(tmp_path):
    "What decides a regrade is the same wherever the two packages lie."
    digest = "import sys; sys.path[:0] = {path!r}; from tinytorch_grader.grade import machinery; print(machinery())"
    for name, (grader, framework) in {"one": ("zz", "aa"), "two": ("aa/b", "zz")}.items():
        shutil.copytree(ROOT / "src" / "tinytorch_grader", tmp_path / name / grader / "tinytorch_grader")
        shutil.copytree(ROOT / "tinytorch", tmp_path / name / framework / "tinytorch")
    run = lambda name, *folders: subprocess.run([sys.executable, "-c", digest.format(path=[
        str(tmp_path / name / f) for f in folders])], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert run("one", "zz", "aa") == run("two", "aa/b", "zz")


def test_folders_in_the_other_order_are_explained(course):
    hand_in(course, "ada", **RIGHT)
    shutil.copytree(course / "submitted" / "ada" / ASSIGNMENT, course / "submitted" / ASSIGNMENT / "bob")
    rows = grade(course)
    assert rows["ada"]["score"] == 5 and rows[ASSIGNMENT]["status"] == "missing"
    assert (f"the order is submitted/STUDENT/{ASSIGNMENT}/" in rows[ASSIGNMENT]["message"]
            and "(bob)" in rows[ASSIGNMENT]["message"])
