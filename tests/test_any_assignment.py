"""Any nbgrader assignment: nbgrader's own example course gets the scores that stock gives to honest work, in the same
cage."""
import json
import re
import shutil
from importlib.resources import files

import nbformat
import pytest
from grading import ASSIGNMENT, RIGHT, capstone, cell, gradebook, grades, hand_in, make_course, nbgrader, needs_cage
from traits import OTHER, QUIET, TRAITS

from tinytorch_grader import grade as grading
from tinytorch_grader.gradebook import Gradebook, GradebookError
from tinytorch_grader.pages import feedback, report

CAGE = [] if shutil.which("bwrap") else ["--no-sandbox"]


def answered(course, student, change=lambda grade_id, source: source):
    "Hand in the released notebooks of ps1 with the source's solutions, after `change`."
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True)
    for path in (course / "source" / "ps1").glob("*.ipynb"):
        book, solved = json.loads((course / "release" / "ps1" / path.name).read_text()), json.loads(path.read_text())
        known = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"])
                 for cell in solved["cells"]}
        for one in book["cells"]:
            mark = one["metadata"].get("nbgrader", {})
            if mark.get("solution"):
                one["source"] = change(mark["grade_id"],
                                       re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", known[mark["grade_id"]]))
        (folder / path.name).write_text(json.dumps(book))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    "nbgrader's example, with three students: right, one mistake, and code that reaches for the tests."
    folder = tmp_path_factory.mktemp("any")
    course = folder / "c101"
    # what `nbgrader quickstart` copies, without the five commands that it starts
    shutil.copytree(files("nbgrader") / "docs" / "source" / "user_guide" / "source", course / "source",
                    ignore=shutil.ignore_patterns("*.html", "ps1_autotest"))
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'c101'\n"
                                               "c.IncludeHeaderFooter.header = 'source/header.ipynb'\n")
    assert nbgrader(course, "generate_assignment", "ps1").returncode == 0
    answered(course, "ada")
    answered(course, "bob", lambda name, source: source.replace("range(1, n + 1)", "range(1, n)")
             .replace("for i in range(1, n+1)", "for i in range(1, n)"))
    answered(course, "eve",
             lambda name, source: "import builtins\nbuiltins.AssertionError = type('E', (Exception,), {})\nclass Any:\n"
             "    __eq__ = lambda *a: True\n" "def squares(n): return Any()" if name == "squares" else source)
    return course


def test_the_example_course_is_graded_as_by_stock(course, tmp_path):
    said = capstone("grade", course, "--assignment", "ps1", *CAGE, "--json", tmp_path / "g.json", "--csv",
                    tmp_path / "g.csv")
    assert said.returncode == 0, said.stdout + said.stderr
    rows = grades(tmp_path / "g.json")
    assert (set(rows["ada"]["parts"]) > {"problem1/correct_squares", "problem2/part-a"}
            and rows["ada"]["max_score"] == 13)
    stock = shutil.copytree(course, tmp_path / "stock")
    shutil.rmtree(stock / "autograded")
    shutil.rmtree(stock / "submitted" / "eve")
    done = nbgrader(stock, "autograde", "ps1", "--force")
    assert done.returncode == 0, done.stderr[-2000:]
    from nbgrader.api import Gradebook as Stock
    with Stock(f"sqlite:///{stock}/gradebook.db") as book:
        honest = {s.student.id: s.score for s in book.assignment_submissions("ps1") if s.student.id != "eve"}
    assert {student: rows[student]["score"] for student in honest} == honest and honest["ada"] == 3 > honest["bob"]
    assert rows["eve"]["parts"]["problem1/correct_squares"]["score"] == 0


def stock_scores(course, assignment):
    "{student: {test: points}} that stock nbgrader gives in a copy of the course."
    stock = shutil.copytree(course, course.parent / "stock")
    for made in ("autograded", "release"): shutil.rmtree(stock / made, ignore_errors=True)
    (stock / "gradebook.db").unlink()
    (stock / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'any'\n")
    for step in ("generate_assignment", "autograde"):
        done = nbgrader(stock, step, assignment, "--create", "--force")
        assert done.returncode == 0, done.stderr[-2000:]
    from nbgrader.api import Gradebook as Stock
    with Stock(f"sqlite:///{stock}/gradebook.db") as book:
        return {one.student.id: {g.name: g.auto_score for g in one.notebooks[0].grades}
                for one in book.assignment_submissions(assignment)}


def with_traits(course, names, **students):
    "The Rows of an assignment of TRAITS `names`, with an answer to each trait's cell by each of `students`."
    source = course / "source" / "traits"
    source.mkdir(parents=True)
    cells = []
    for name in names:
        cells.append(cell(name, f"### BEGIN SOLUTION\n{TRAITS[name][0]}\n### END SOLUTION", solution=True))
        cells.append(cell(f"{name}-check", TRAITS[name][2], 1))
    metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), source / "traits.ipynb")
    assert capstone("course", course, "--assignment", "traits").returncode == 0
    for student, answer in students.items():
        book = nbformat.read(course / "release" / "traits" / "traits.ipynb", as_version=4)
        for part in book.cells:
            if part.metadata.nbgrader.solution: part.source = answer(part.metadata.nbgrader.grade_id)
        folder = course / "submitted" / student / "traits"
        folder.mkdir(parents=True)
        nbformat.write(book, folder / "traits.ipynb")
    return grading.grade(course, sandbox=not CAGE, assignment="traits", workers=1)


def test_what_public_assignments_do_is_graded_as_by_stock(tmp_path):
    "Files that the student's code wrote, captured output, replaced functions, changed lists: the points of stock."
    course = make_course(tmp_path)
    rows = with_traits(course, TRAITS, right=lambda name: TRAITS[name][0], wrong=lambda name: TRAITS[name][1],
                       other=lambda name: OTHER.get(name, TRAITS[name][0]))
    got = {row["student"]: {part: said["score"] for part, said in row["parts"].items()} for row in rows}
    stock, quiet = stock_scores(course, "traits"), {f"{name}-check" for name in QUIET}
    assert {part for part in stock["right"] if stock["right"][part] != 1} == quiet
    assert not any(got["wrong"][part] for part in quiet)
    for student, known in stock.items():
        assert {part: points for part, points in got[student].items() if part not in quiet} == {
            part: points for part, points in known.items() if part not in quiet}
    assert {name: got["other"][f"{name}-check"] for name in OTHER} == {"kinds": 1, "a_list": 0, "read_once": 0}
    assert got["right"] == dict.fromkeys(got["right"], 1) and "tests run in the student's process" in rows.notes[0]


@needs_cage
def test_what_runs_beside_is_what_has_to(tmp_path):
    "A test that the line can carry stays out of the student's reach; of one that it cannot, no hidden line goes out."
    course = make_course(tmp_path)
    forged = ("import builtins\nbuiltins.AssertionError = type('E', (Exception,), {})\n"
              "class Any:\n    __eq__ = lambda *a: True\nclean = lambda s: Any()")
    posed = forged.replace("class Any", "class Any(str)")   # of a built-in type, whose value crosses
    asks = ("import inspect, sys\ndef sort(x): display(inspect.getsource(sys._getframe(1)), display_id=1)\n"
            "import exam.student as s\nthis = s.Student.on_run\n"
            "def on_run(self, name, role, source):\n    error, outputs = this(self, name, role, source)\n"
            "    return [None, [{'output_type': 'execute_result', 'data': {'text/plain': source}}]]\n"
            "s.Student.on_run = on_run")
    found = with_traits(course, ("strings", "mutates"), ada=lambda name: TRAITS[name][0],
                        eve={"strings": forged, "mutates": asks}.get, mal={"strings": posed, "mutates": asks}.get)
    rows = {row["student"]: row for row in found}
    assert rows["ada"]["score"] == 2 and rows["eve"]["parts"]["strings-check"]["score"] == 0
    assert rows["mal"]["parts"]["strings-check"]["score"] == 0
    assert "1 test runs in the student's process" in found.notes[0] and "forge it: mutates-check (" in found.notes[0]
    book = json.loads((course / "autograded" / "eve" / "traits" / "traits.ipynb").read_text())
    assert "assert x == [1, 2, 3]" not in str([part["outputs"] for part in book["cells"]])


def test_a_source_that_fails_its_own_tests_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(TRAITS, "none", ("def nothing(x): return 0", "", TRAITS["none"][2]))
    answer = {"none": "def nothing(x): x", "strings": TRAITS["strings"][0]}.get
    rows = with_traits(make_course(tmp_path), ("none", "strings"), ada=answer)
    assert rows.notes == ["traits.ipynb: its own solution fails none-check"] and [row["score"] for row in rows] == [2]


def test_pages_and_a_second_run(course, tmp_path):
    rows = grading.grade(course, sandbox=not CAGE, assignment="ps1", workers=1)
    assert {row["student"] for row in rows} == {"ada", "bob", "eve"}
    assert grading.grade(course, sandbox=not CAGE, assignment="ps1", workers=1).changed == 0
    folders = feedback.write(course, assignment="ps1")
    assert sorted(path.name for path in folders[0].glob("*.html")) == ["problem1.html", "problem2.html"]
    assert ("13 points" in (folders[0] / "problem1.html").read_text()
            and report.write(course, assignment="ps1").name == "report-ps1.html")
    (course / "submitted" / "bob" / "ps1" / "problem2.ipynb").unlink()
    row = next(row for row in grading.grade(course, sandbox=not CAGE, assignment="ps1", workers=1)
               if row["student"] == "bob")
    assert row["status"] == "missing" and "problem2: no problem2.ipynb" in row["message"]


@needs_cage
@pytest.mark.long
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
    assert (done.returncode == 0 and "Content-Security-Policy" in page
            and "double(3) == 6" not in page), done.stderr[-2000:]
    hand_in(course, "bad").write_text("{")
    done = nbgrader(course, "autograde", ASSIGNMENT, "--create", "--student", "bad")
    assert done.returncode and "is not JSON" in done.stderr


# ---- files beside the notebooks

SURVEY = "name,age\nada,36\nbob,40\n"
USES = ("import csv\nfrom units import years\n\ndef mean_age():\n"
        "    with open('survey.csv') as file: ages = [float(row['age']) for row in csv.DictReader(file)]\n"
        "    return years(sum(ages) / len(ages))")
TESTED = ("with open('survey.csv') as file: assert mean_age() == 38, len(file.read())\n" "from units import years\n"
          "assert years(3.2) == 3\n" "### BEGIN HIDDEN TESTS\nwith open('hidden/key.txt') as file: assert "
          "mean_age() == float(file.read())\n### END HIDDEN TESTS")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """An assignment that brings data, a module of its own and a folder;
    and what only the tests may read, put there after the release."""
    course = make_course(tmp_path_factory.mktemp("survey"))
    source = course / "source" / "survey"
    (source / "pictures").mkdir(parents=True)
    for name, text in {"survey.csv": SURVEY, "units.py": "def years(x): return round(x)\n",
                       "pictures/a.txt": "a"}.items():
        (source / name).write_text(text)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell("answer", f"### BEGIN SOLUTION\n{USES}\n### END SOLUTION",
                                                        solution=True), cell("answer-check", TESTED, 4)]),
                   source / "survey.ipynb")
    said = capstone("course", course, "--assignment", "survey")
    assert said.returncode == 0 and "submitted/STUDENT/survey/" in said.stdout, said.stderr
    (source / "hidden").mkdir()
    (source / "hidden" / "key.txt").write_text("38")
    return course


def with_survey(course, **answers):
    "Grade the assignment `survey` for students whose answer cell says `answers`; {student: row}."
    for student, source in answers.items():
        book = json.loads((course / "release" / "survey" / "survey.ipynb").read_text())
        book["cells"][0]["source"] = source
        folder = course / "submitted" / student / "survey"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "survey.ipynb").write_text(json.dumps(book))
    return {row["student"]: row for row in grading.grade(course, sandbox=not CAGE, assignment="survey")}


def test_files_beside_a_notebook_are_there(survey):
    rows = with_survey(survey, ada=USES, bob=USES.replace("len(ages)", "2.5"))
    assert rows["ada"]["score"] == 4 and rows["bob"]["score"] == 0, rows
    assert (grading.grade(survey, sandbox=not CAGE, assignment="survey").changed == 0
            and (survey / "autograded" / "ada" / "survey" / "survey.ipynb").is_file())
    # another file, another grade; the sum is the same
    (survey / "source" / "survey" / "survey.csv").write_text(SURVEY + "cyd,38\n")
    assert grading.grade(survey, sandbox=not CAGE, assignment="survey").changed == 2


ATTACKS = {
    "writes": "open('survey.csv', 'w').write('name,age\\nx,1\\n')",
    "appends": "open('/grader/files/survey.csv', 'a').write('x')",
    "removes": "import os\nos.remove('survey.csv')",
    "replaces": "import os\nopen('mine', 'w').close()\nos.replace('mine', 'survey.csv')",
    "changes the mode": "import os\nos.chmod('survey.csv', 0o666)",
    "fills the folder": "open('pictures/b.txt', 'w')",
    "replaces the module": "open('units.py', 'w').write('years = lambda x: 38')",
    "reads what is for the tests":
        "import glob\nif not glob.glob('/[gtfdm]*/**/key.txt', recursive=True): raise OSError",
    "mounts over it": "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "if libc.umount2(b'/tmp/survey.csv', 2): raise OSError",
}


@needs_cage
def test_nobody_changes_them(survey):
    "Each attack fails, and whoever is graded beside it reads what the assignment brought."
    tried = "\n".join(f"def attack():\n    {code.replace(chr(10), chr(10) + '    ')}\ntry: attack()\n"
                      f"except OSError: pass\nelse: print({name!r})" for name, code in ATTACKS.items())
    rows = with_survey(survey, eve=f"{tried}\n{USES}", ada=USES + "\n")
    book = json.loads((survey / "autograded" / "eve" / "survey" / "survey.ipynb").read_text())
    assert not book["cells"][0]["outputs"], book["cells"][0]["outputs"]
    assert rows["eve"]["score"] == rows["ada"]["score"] == 4, rows


def test_too_much_beside_the_notebooks_is_refused(survey, monkeypatch):
    monkeypatch.setattr("tinytorch_grader.gradebook.FILES_BYTES", 10)
    with pytest.raises(GradebookError, match="keep a smaller sample there"): with_survey(survey)


def test_known_mistakes_of_an_assignment_are_caught(survey):
    """A test that catches nothing stops `course` and `grade`,
    and so does a mistake that no longer fits; right ones are asked once."""
    folder = survey / "mistakes" / "survey" / "answer"
    folder.mkdir(parents=True)
    mistake = lambda old, new: f"# mistake: counts wrongly\n# loses: answer-check\n\n@@ @@\n-    {old}\n+    {new}\n"
    old = USES.splitlines()[-1].strip()
    (folder / "off.diff").write_text(mistake(old, old.replace("len(ages)", "7")))
    rows = with_survey(survey, ada=USES)
    assert rows["ada"]["score"] == 4 and (survey / "_releases" / "survey" / "survey" / "mutants.sha256").is_file()
    (folder / "off.diff").write_text(mistake(old, old + "  # the same"))
    said = capstone("grade", survey, "--assignment", "survey", *CAGE)
    assert (said.returncode == 2 and "survey.ipynb: tests that catch nothing: answer-check does not catch answer/off"
            in said.stderr), said.stderr
    (folder / "off.diff").write_text(mistake("return 7", "return 8"))
    before = (survey / "release" / "survey" / "survey.ipynb").read_bytes()
    said = capstone("course", survey, "--assignment", "survey")
    assert said.returncode == 2 and "answer/off.diff: the old lines occur 0 times" in said.stderr, said.stderr
    assert ((survey / "release" / "survey" / "survey.ipynb").read_bytes() == before
            and not (survey / "release" / "survey" / "mistakes").exists())
