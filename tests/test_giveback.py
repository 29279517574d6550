"""Grades and feedback go back in the files that the LMS exported; whoever does not match is listed."""
import csv
import io
import os
import subprocess
import zipfile

import pytest

from tinytorch_grader import giveback, lms
from tinytorch_grader.gradebook import Grade, Mark
from tinytorch_grader.notebook import problems
from tinytorch_grader.pages.report import kind_of, places

CANVAS = ("Student,ID,SIS User ID,SIS Login ID,Section,Capstone (991),Quiz (992)\r\n    Points Possible,,,,,10.0,5\r\n"
          '"Doe, Jane",12345,,jdoe,A,,4\r\n"Roe, Jim",12346,,jroe,A,,\r\n"Poe, Pat",12349,,ppoe,A,7,\r\n'
          '"Student, Test",,,,,,\r\n')
MOODLE = ("\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified "
          "(submission)\n" "Participant 77,Zoë Łuć,zoe@example.org,Submitted,,10.00,Yes,-\n"
          "Participant 78,Ann Lee,ann@example.org,Submitted,3,10.00,No,-\n"
          "Participant 79,Ann Lee,ann2@example.org,Submitted,,10.00,Yes,-\n")


def grade(student, score, waits=False, status="graded", name=""):
    return Grade(student, {"a": Mark(5, score), "b": Mark(5, None, waits=waits)}, status=status, name=name)


def table(path):
    with path.open(newline="", encoding="utf-8-sig") as file: return list(csv.reader(file))


def test_canvas_gets_its_own_file_back(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(CANVAS, newline="")
    with giveback.keeping(tmp_path, path):
        done = giveback.canvas(path, [grade("doejane_12345", 4.5, waits=True), grade("jroe", 3), grade("anon_x", 2),
                                      grade("bad_12349", 0, status="invalid")], "20_capstone", "Capstone")
    rows = table(path)
    assert ([row[5] for row in rows] == ["Capstone (991)", "10.0", "4.5", "3", "7", ""]
            and [row[6] for row in rows][2] == "4")
    assert done.filled == 2 and done.not_in_file == ["anon_x"] and not done.not_in_course
    assert (any("5 points of it wait" in note for note in done.notes)
            and any("invalid; left as it is" in note for note in done.notes))
    assert (path.with_name("export.csv.before").read_bytes() == CANVAS.encode()
            and path.read_bytes().count(b"\r\n") == CANVAS.count("\r\n"))


def test_a_column_that_is_not_certain_is_asked_for(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(CANVAS, newline="")
    with pytest.raises(giveback.GiveBackError, match="--column: 'Capstone \\(991\\)', 'Quiz \\(992\\)'"):
        giveback.canvas(path, [grade("a", 1)], "ps1")
    assert path.read_bytes() == CANVAS.encode()
    path.write_text("a,b\n")
    with pytest.raises(giveback.GiveBackError, match="no table"): giveback.canvas(path, [], "ps1")


@pytest.mark.parametrize("titles, wanted, asked, found", [
    (["Capstone (991)"], "20_capstone", None, 0), (["Quiz (992)"], "20_capstone", None, None),
    (["Quiz (992)"], "Capstone", "Capstone", None), (["ps10 (4)", "ps1 (5)"], "ps1", None, 1),
    (["ps10 (4)", "quiz (6)"], "ps1", None, None), (["HW (5)", "HW 5 (7)"], "hw_5", None, 1),
    (["20: Capstone, final (1)", "Week 20 (2)"], "20_capstone", None, 0), (["A (1)", "A (2)"], "A", "A", None),
    (["A (1)", "A (2)"], "A (2)", "A (2)", 1), (["Quiz 20 (5)"], "20_capstone", None, None)])
def test_a_column_is_the_assignments_or_none(tmp_path, titles, wanted, asked, found):
    find = lambda: giveback.column(tmp_path, titles, wanted, range(len(titles)), asked)
    if found is None:
        with pytest.raises(giveback.GiveBackError, match="name one with --column"): find()
    else: assert find() == found


def test_what_somebody_changed_is_kept_and_what_we_wrote_is_not(tmp_path):
    "A file that a command of the course wrote is replaced; every other one stays, once."
    path = tmp_path / "grades.csv"

    def written(by_us, by_hand=None):
        if by_hand: path.write_text(by_hand)
        with giveback.keeping(tmp_path, path) as kept: path.write_text(by_us)
        return kept
    assert written("1") == [] and written("2") == []
    assert written("3", by_hand="an export") == ["grades.csv.before"] and written("4") == []
    assert written("5", by_hand="4, and a remark") == ["grades.csv.before-2"]
    assert written("6", by_hand="an export") == ["grades.csv.before"] and written("7", by_hand="3") == []
    assert ([path.with_name(f"grades.csv.before{n}").read_text() for n in ("", "-2")]
            == ["an export", "4, and a remark"] and len(list(tmp_path.glob("grades*"))) == 3)
    with pytest.raises(OSError), giveback.keeping(tmp_path, path): raise OSError   # the disk is full, say
    assert path.read_text() == "7" and len(list(tmp_path.glob("grades*"))) == 3


def test_a_number_of_one_and_a_login_of_another_is_nobody(tmp_path):
    "Folders named by student numbers, which Canvas's own numbers may equal by accident."
    path = tmp_path / "export.csv"
    path.write_text("ID,Student,SIS User ID,SIS Login ID,Capstone (9)\n,    Points Possible,,,50\n"
                    "104,\"Doe, Jane\",300,jdoe,\n900,\"Roe, Jim\",104,jr,\n77,Zoë,ZOE\u0308,,\n", encoding="utf-8")
    done = giveback.canvas(path, [grade("104", 4), grade("300", 3), grade("zo\u00eb", 2)], "capstone")
    assert done.not_in_course == ["Doe, Jane"] and [row[4] for row in table(path)[2:]] == ["", "4", "2"]
    assert done.notes == ["Canvas counts 50 points where the course has 10; the points are the course's"]


def test_moodle_gets_its_worksheet_back(tmp_path):
    path = tmp_path / "worksheet.csv"
    path.write_text(MOODLE, encoding="utf-8", newline="")
    done = giveback.moodle(path, [grade("Zoë_Łuć_77", 5), grade("Ann_Lee_78", 4), grade("Ann_Lee", 4)])
    assert [row[4] for row in table(path)] == ["Grade", "5", "3", ""] and path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert (any("cannot be changed" in note for note in done.notes) and done.not_in_course == ["Ann Lee"]
            and done.not_in_file == ["Ann_Lee"]), "two Ann Lees"


EXPORTS = {   # as LMS write them for other settings: (how, text, what the one grade becomes, a note)
    "everything quoted": (giveback.canvas, '"Student","ID","SIS Login ID","Section","Capstone (991)"\n'
                          '"    Points Possible","","","","100.00"\n"O\'Brien, Conor ""Con""","12345","x","A, B",""\n',
                          "70.25", "Canvas counts 100.00"),
    "semicolons, a decimal comma, a byte order mark":
        (giveback.canvas, "\ufeffStudent;ID;SIS Login ID;Section;Capstone (991)\n;;;;Manual Posting\n"
         "    Points Possible;;;;10,00\nO'Brien, Conor;12345;x;A;\n", "70,25", ""),
    "commas in a title between semicolons":
        (giveback.canvas, 'Student;ID;SIS Login ID;"Lab, one, two, three, four, five (5)";"Capstone (991)"\n'
         '    Points Possible;;;10;10\n"O\'Brien, Conor";12345;x;;\n', "70.25", ""),
    "Moodle's tabs": (giveback.moodle, "Identifier\tFull name\tEmail address\tGrade\tMaximum Grade\n"
                      "Participant 12345\tConor O'Brien\tx@y\t\t10,00\n", "70,25", ""),
    "Moodle, blind, a comment on two lines": (giveback.moodle,
                                              'Identifier,Status,Grade,"Maximum Grade","Feedback comments"\n'
                                              '"Participant 12345",Submitted,,10.00,"one\ntwo, three"\n', "70.25", ""),
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_exports_as_other_settings_write_them(tmp_path, kind):
    how, text, points, note = EXPORTS[kind]
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    before = giveback.read_table(path)[0]
    done = how(path, [grade("obrienconor_12345", 70.25)], *["20_capstone", "Capstone"][:2 * (how is giveback.canvas)])
    again, _, bom = giveback.read_table(path)
    changed = [(new, old) for row, was in zip(again, before, strict=True) for new, old in zip(row, was, strict=True)
               if new != old]
    assert changed == [(points, "")] and done.filled == 1 and bom == text.startswith("\ufeff")
    assert [n.startswith(note) for n in done.notes] == [True] * bool(note), done.notes


def test_moodles_two_name_columns(tmp_path):
    path = tmp_path / "worksheet.csv"
    path.write_text("Identifier,First name,Last name,Grade\nParticipant 5,Ann,Lee,\nParticipant 6,Bo,Roe,\n")
    done = giveback.moodle(path, [grade("Ann_Lee", 4)])
    assert [row[3] for row in table(path)] == ["Grade", "4", ""] and done.not_in_course == ["Bo Roe"]


def test_feedback_for_the_bulk_upload(tmp_path):
    page = tmp_path / "20_capstone.html"
    page.write_text("<p>")
    pages = dict.fromkeys(("doejane_12345", "Zoë_77", "octocat"), [page])
    names = {"doejane_12345": "doejane_LATE_12345_67890_20_capstone-1.ipynb",
             "Zoë_77": "Zoë_77_assignsubmission_file_/20_capstone.ipynb"}
    assert giveback.feedback_zip(tmp_path / "f.zip", pages, names) == ["octocat"]
    assert (sorted(zipfile.ZipFile(tmp_path / "f.zip").namelist())
            == ["Zoë_77_assignsubmission_file_20_capstone.html", "doejane_LATE_12345_67890_20_capstone-1.html"])

    other = page.with_name("extra.html")
    other.write_text("<p>")
    giveback.feedback_zip(tmp_path / "f.zip", {student: [page, other] for student in names}, names)
    assert ("Zoë_77_assignsubmission_file_extra.html" in zipfile.ZipFile(tmp_path / "f.zip").namelist()
            and len(zipfile.ZipFile(tmp_path / "f.zip").namelist()) == 4)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name here")
def test_files_go_through_links_and_into_pipes(tmp_path):
    "Of a link what it leads to is replaced; a pipe (or a device) is written to and stays."
    page, export, link, pipe = (tmp_path / name for name in ("a.html", "real.csv", "link.csv", "pipe"))
    page.write_text("a page")
    export.write_text("ID,Student,Capstone (9)\n104,\"Doe, Jane\",\n", encoding="utf-8")
    link.symlink_to(export)
    assert giveback.canvas(link, [grade("doejane_104", 4)], "capstone").filled == 1
    assert link.is_symlink() and table(export)[1][2] == "4"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        giveback.feedback_zip(pipe, {"ada": [page]}, {"ada": "lovelaceada_101_5001_a.ipynb"})
        assert len(zipfile.ZipFile(io.BytesIO(reader.stdout.read())).namelist()) == 1 and pipe.is_fifo()



@pytest.mark.parametrize("one, other, same", [
    ("latency: got 0.0042, expected about 4.2: in seconds", "latency: got 0.0017, expected about 1.7: in seconds",
     True),
    ("latency: got 0.0042, expected about 4.2", "latency: got 4200, expected about 4.2", False),
    ("got 7, expected 8", "got 31, expected 36", True),
    ("got None, expected 3", "got 3, expected 3", False), ("got -2, expected 2", "got 2.2, expected 2", False),
    ("y: got 'a', expected 5", "y: got 'b', expected 5", False)])
def test_messages_are_told_apart_by_what_came(one, other, same):
    assert (kind_of(one) == kind_of(other)) is same, (kind_of(one), kind_of(other))


def test_ties_are_shown_as_ties():
    assert [place for place, _ in places([(1, "a"), (2, "b"), (2, "c"), (4, "d")])] == ["1", "2=", "2=", "4"]
    assert len(places([(1, "a")] + [(2, n) for n in range(30)])) == 31 and places([]) == []


def test_names_of_people_come_from_the_lms():
    said = {"Zoe\u0308 Łuć_77_assignsubmission_file_/20_capstone.ipynb": "Zo\u00eb Łuć",
            "1-2 - Jane Doe - Jan 31, 2026 1159 PM/x.ipynb": "Jane Doe", "Ann Lee - 20_capstone.ipynb": "Ann Lee",
            "doejane_1_2_20_capstone.ipynb": ""}
    assert {path: lms.full_name(path) for path in said} == said


def test_a_source_that_cannot_be_graded_from_is_named():
    cell = lambda name, points: {"metadata": {"nbgrader": {"grade_id": name, "grade": True, "points": points}}}
    assert problems({"cells": [cell("a", 60), cell("b", 40)]}, 100) == []
    twice, total = problems({"cells": [cell("a", 60), cell("a", 30)]}, 100)
    assert twice.startswith("cell a: its grade_id occurs 2 times") and "sum to 90, expected 100" in total
