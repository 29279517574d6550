"""What a person does with a class: look at work that is alike, mark answers in a spreadsheet, check a claim."""
import csv
import json
import random
import re
import shutil

import pytest
from grading import ASSIGNMENT, RIGHT, capstone, gradebook, hand_in, make_course, needs_cage

from tinytorch_grader import byhand, grade as grading, similar
from tinytorch_grader.gradebook import Gradebook

OWN = """def double(x):
    total = 0
    for step in range(8):
        total = total + x / 4
    if abs(total - x - x) > 0.01 * abs(x):
        raise ArithmeticError('the loop went wrong')
    return round(total, 9) if isinstance(x, float) else int(total)
"""
WORDS = ("The tail decides because a user who waits remembers the slowest of all answers and not the average one that "
         "we so like to report.")


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("class"))


@pytest.fixture
def course(blank, tmp_path):
    return shutil.copytree(blank, tmp_path / "course")


def test_work_that_is_alike_is_listed_and_honest_work_is_not(course):
    for n in range(12): hand_in(course, f"honest{n}", **RIGHT | {"why": f"Because number {n} is so."})
    renamed = re.sub(r"\btotal\b", "acc",
                     re.sub(r"\bstep\b", "i", OWN)).replace("\n    if", "\n\n    # checked\n    if")
    hand_in(course, "ann", **RIGHT | {"double": OWN})
    hand_in(course, "ben", **RIGHT | {"double": renamed})
    hand_in(course, "cyd", **RIGHT | {"why": WORDS})
    hand_in(course, "dan", **RIGHT | {"why": WORDS.replace("the average one", "a mean")})
    hand_in(course, "eve", **RIGHT | {"half": "def half(x):\n    return x * 0.5  # mine"})
    for student in ("ann", "dan"):
        (course / "submitted" / student / ASSIGNMENT / "submission.json").write_text('{"a": 1}')
    grading.grade(course, sandbox=False)
    with Gradebook(course) as book: pairs, same, claims = similar.look(book)
    assert ({(pair.one, pair.other): pair.cells[0]
             for pair in pairs} == {("ann", "ben"): "double", ("cyd", "dan"): "why"} and pairs[0].share > 0.9)
    assert same == [] and claims == [["ann", "dan"]]
    hand_in(course, "fay", **RIGHT | {"double": OWN})
    grading.grade(course, sandbox=False)
    said = capstone("similar", course)
    assert (said.returncode == 1 and "the same answers: ann, fay" in said.stdout
            and "alike: ann and ben, 100 % of the smaller work" in said.stdout), said.stdout + said.stderr


def test_shared_shingles_are_counted_exactly(monkeypatch):
    monkeypatch.setattr(similar, "BLOCK", 7)
    rng = random.Random(4)
    own = {student: dict.fromkeys(rng.sample(range(100), 40), "cell") for student in "abcde"}
    kept = set(range(0, 100, 3))
    found = similar.counted(own, kept)
    assert ([[int(n) for n in row] for row in found]
            == [[len(own[a].keys() & own[b].keys() & kept) for b in own] for a in own])


@pytest.mark.parametrize("source, other", [("x = total+1  # sum", "y=count + 1"),
                                           ("s = f'{a}' + r\"b\"", "t = 'c' + \"\"\"two\nlines\"\"\""),
                                           ("a **= b // 2 -> c", "q **= r // 2 -> s")])
def test_renaming_comments_and_white_space_hide_nothing(source, other):
    assert similar.tokens(source, set()) == similar.tokens(other, set())
    assert similar.tokens("x = 1", {"x"}) == ["x", "=", "1"] != similar.tokens("x = 2", {"x"})


def test_answers_go_out_and_marks_come_in(course, tmp_path):
    hand_in(course, "ada", **RIGHT | {"why": "=cmd() because"})
    hand_in(course, "bob", **RIGHT | {"why": "Bob's answer."})
    hand_in(course, "cyd")
    grading.grade(course, sandbox=False)
    out = tmp_path / "answers.csv"
    said = capstone("answers", course, "--out", out)
    assert said.returncode == 0 and "2 answers" in said.stdout, said.stderr
    table = list(csv.DictReader(out.open(newline="", encoding="utf-8-sig")))
    assert ([row["student"] for row in table] == ["ada", "bob"] and table[0]["answer"] == "'=cmd() because"
            and table[0]["worth"] == "5")
    table[0] |= {"points": "4,5", "comment": "good"}
    table[1] |= {"points": "3"}
    hand_in(course, "bob", **RIGHT | {"why": "Another answer."})
    grading.grade(course, sandbox=False)
    with out.open("w", newline="", encoding="utf-8") as file:
        # as a spreadsheet writes it where the decimal mark is a comma
        writer = csv.DictWriter(file, byhand.COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows([*table, table[0] | {"student": "nobody"}, table[0] | {"points": "7"},
                          table[0] | {"points": "x"}])
    said = capstone("mark", course, "--from", out)
    assert (said.returncode == 1 and "1 marks entered" in said.stdout
            and "bob, why: the answer has changed since" in said.stdout), said.stdout + said.stderr
    for why in ("no such student", "expected 0 to 5", "got 'x' as points"): assert why in said.stdout
    found = gradebook(course)
    assert (found["ada"]["score"] == 9.5 and not found["ada"]["manual"] and found["ada"]["comments"]["why"][1] == "good"
            and found["bob"]["score"] == 5)
    with Gradebook(course) as book: assert [row["student"] for row in byhand.rows(book)] == ["bob"]
    grading.grade(course, sandbox=False, force=True)
    assert gradebook(course)["ada"]["score"] == 9.5


def answered(path, *rows):
    "Write rows of marks, each by a dict, as a spreadsheet on Windows does."
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.DictWriter(file, byhand.COLUMNS, delimiter=";")
        table.writeheader()
        table.writerows(rows)


def test_what_a_person_typed_is_entered_or_listed(course, tmp_path):
    "A comment without points, another grader's mark, two rows that differ, a very long answer."
    for student in ("ada", "bob", "cyd"): hand_in(course, student, **RIGHT | {"why": f"{student} " * 30_000})
    grading.grade(course, sandbox=False)
    out = tmp_path / "answers.csv"
    with Gradebook(course) as book:
        ada, bob, cyd = byhand.rows(book)
        book.mark("bob", "why", 2, "theirs")   # in Formgrader, meanwhile
        answered(out, ada | {"comment": "'tis short"}, bob | {"points": "4", "comment": "mine"}, cyd | {"points": "3"},
                 cyd | {"points": "3"}, cyd | {"points": "5"})
        entered, refused, before = byhand.mark(book, out)
        assert (entered == 3 and refused
                == [("cyd, why", "another row of this file says otherwise; the first one counts")])
        assert before == [("bob, why", "points before: 2"), ("bob, why", "comment before: theirs")]
        grades = book.grades()
        assert ({student: grade.parts["why"].manual for student, grade in grades.items()}
                == {"ada": None, "bob": 4, "cyd": 3} and grades["ada"].comments["why"] == "'tis short")
        assert byhand.mark(book, out)[::2] == (2, []), "the same once more: nothing new of ada's, nothing replaced"
    out.write_bytes("part;student;points;answer_id;comment\nwhy;ada;1;x;schön\n".encode("cp1252"))
    said = capstone("mark", course, "--from", out)
    assert said.returncode == 2 and "save it in the spreadsheet as `CSV UTF-8`" in said.stderr


def test_all_that_a_person_gave_goes_along_to_a_second_course(course, blank, tmp_path):
    "Marks of tests, comments on code and extra credit too; `answers` over a file with marks in it keeps that file."
    hand_in(course, "ada", **RIGHT)
    grading.grade(course, sandbox=False)
    with Gradebook(course) as book:
        book.mark("ada", "why", 4, "=good", extra=0.5)
        book.mark("ada", "half-check", 2)
        book.mark("ada", "double", comment="well found")
    out, later = tmp_path / "marks.csv", shutil.copytree(blank, tmp_path / "later")
    out.write_text("my marks")
    said = capstone("answers", course, "--all", "--out", out)
    assert (f"{out}: what was there is marks.csv.before now" in said.stdout
            and out.with_name("marks.csv.before").read_text() == "my marks"), said.stdout + said.stderr
    shutil.copytree(course / "submitted", later / "submitted")
    grading.grade(later, sandbox=False)
    with Gradebook(later) as book: assert byhand.mark(book, out)[:2] == (3, [])
    found, first = gradebook(later)["ada"], gradebook(course)["ada"]
    assert found == first and found["score"] == 8.5 and found["comments"]["double"][1] == "well found"


@needs_cage
@pytest.mark.long
def test_a_claim_is_checked(tmp_path):
    "The reference notebook, run in the cage, measures what its claim says."
    from submissions import notebook
    assert capstone("course", tmp_path / "course").returncode == 0
    folder = tmp_path / "course" / "submitted" / "ada" / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(notebook()))
    said = capstone("rerun", tmp_path / "course", "ada")
    assert (said.returncode == 0 and "handed in no submission.json" in said.stdout
            and re.search(r"baseline accuracy +- +0\.9", said.stdout)), said.stdout + said.stderr
    assert capstone("rerun", tmp_path / "course", "bob").returncode == 2
