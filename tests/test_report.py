"""The page about the class: what it must say, that it is whole offline,
and that no student's file breaks or enters it."""
import base64
import json
import os
import random
import re
import shutil

import papercourse
import pytest
from grading import capstone_course
from papercourse import hand_in, measured, parts, record, result
from test_feedback import HOSTILE, Reader

from tinytorch_grader.gradebook import GradebookError
from tinytorch_grader.pages import report


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    "A course nobody has handed in to."
    return capstone_course(tmp_path_factory.mktemp("report") / "course")


@pytest.fixture()
def course(blank, tmp_path):
    "A copy of it."
    return shutil.copytree(blank, tmp_path / "course")


def state(course, name, student, parts, status="graded", **more):
    "What `grade` leaves in `_grades/` alone, of a student with a folder in submitted/."
    folder = course / "_grades"
    (course / "submitted" / student).mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    state = vars(result(student, None, parts, status)) | {"sandbox": True} | more
    state.pop("notebook")
    (folder / f"{student}.json").write_text(json.dumps(state), encoding="utf-8")


def page(course):
    return report.write(course).read_text(encoding="utf-8")


def table(html, caption):
    "Rows of the table whose caption starts so, as lists of words."
    found = next(t for t in re.findall(r"<table>.*?</table>", html, re.S) if Reader(t).text.strip().startswith(caption))
    return [[Reader(cell).text for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
            for row in re.findall(r"<tr>.*?</tr>", found, re.S)][1:]


def test_a_class_without_submissions_has_a_page(course):
    words = Reader(page(course)).text
    assert "0 submissions" in words and "Nothing is graded yet" in words and "0 valid files" in words


def test_grades_messages_time_and_what_to_do(course):
    seconds = "latency_ms_mean: got {}, expected about 4.2: samples are in seconds; multiply by 1000"
    notebook = papercourse.reference(course)
    record(course, result("ada", notebook, parts(course), seconds=0.5),
           result("bob", notebook, parts(course, part2_timing_units=seconds.format("0.0042"))),
           result("cyd", notebook,
                  parts(course, part2_timing_units=seconds.format("0.0039"), part1_count="got 3, expected 283"),
                  notes=["nbformat: got 3", "cells q1: missing"]),
           result("dan", notebook, parts(course, part5_workflow_check="not reached: the run had stopped before"),
                  "timeout", "stopped after 120 s", seconds=120))
    record(course, result("eve", None, {n: p | {"score": 0, "message": "no points"} for n, p in parts(course).items()},
                          "tampered", "a known-wrong answer passed"))
    html = page(course)
    words = Reader(html).text
    assert ("5 submissions, mean 73.4" in words and "median 90 of 100 points" in words
            and "4 await manual grading" in words)
    assert table(html, "One by one") == [["eve", "tampered", "0", "a known-wrong answer passed"],
                                         ["dan", "timeout", "90", "stopped after 120 s"]]
    assert ({row[0]: row[2] for row in table(html, "By status")}
            == {status: report.ADVICE[status] for status in ("tampered", "timeout")})
    assert table(html, "Graded, with a note") == [["cyd", "nbformat: got 3"], ["cyd", "cells q1: missing"]]
    units = next(row for row in table(html, "By graded cell") if row[0] == "part2-timing-units")
    assert units[:3] + units[4:] == ["part2-timing-units", "3", "1.2", "40 %", "0 %", "60 %", "0 %"]
    assert next(row for row in table(html, "By graded cell") if row[0] == "reflection")[-1] == "80 %"
    common = re.search(r'id="messages".*?</section>', html, re.S)[0]
    assert (re.findall(r'number">(\d+)</td><th scope="row">([\w-]+)', common)
            == [("2", "part2-timing-units"), ("1", "part1-count")])
    assert "121 s in all. Longest:\nStudentSecondsStatus\ndan120.00timeout\nada0.50graded" in words


def test_cells_that_nobody_wrote_are_one_row(course):
    said = "not written yet: it still raises NotImplementedError"
    state(course, "ada", "ada", parts(course, part1_count=said, part1_forward=said, q1_check="got 3"))
    state(course, "bob", "bob", parts(course, part1_count=said))
    common = re.search(r'id="messages".*?</section>', page(course), re.S)[0]
    assert re.findall(r'number">(\d+)</td><th scope="row">([\w-]+)</th><td>([^<]*)', common) == [
        ("1", "q1-check", "got 3"), ("2", "any", "not written yet: 3 parts in all")]


def test_every_status_has_its_advice():
    from tinytorch_grader.pages.feedback import STATUS
    assert report.ADVICE.keys() == STATUS.keys()


def test_grades_without_a_sandbox_are_named(course):
    state(course, "ada", "ada", parts(course), sandbox=False)
    state(course, "bob", "bob", parts(course))
    assert "Graded without a sandbox: 1 of the submissions" in Reader(page(course)).text


def test_the_page_is_whole_offline_and_nothing_hostile_is_live(course):
    state(course, "x", HOSTILE, parts(course, part1_count=f"got {HOSTILE} $\\frac{{1}}{{0}}$"), "crashed",
          message=f"\x1b[31m{HOSTILE}\u202e", notes=[HOSTILE, 7])
    state(course, "y", "$x^$", parts(course), seconds="<b>", message=["<b>"])
    (course / "_grades" / "broken.json").write_text("{")
    (course / "_grades" / "list.json").write_text("[]")
    hand_in(course, HOSTILE, measured(0.005, 0.003, 0.96, student_name=HOSTILE)
            | {"system_info": {"platform": HOSTILE, "python_version": "3"}})
    hand_in(course, "<b>", json.dumps({HOSTILE: 1, "baseline": {HOSTILE: [HOSTILE]}}).encode())
    html = page(course)
    reader = Reader(html)
    assert {tag for tag, _ in reader.tags} <= {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2",
                                               "h3", "p", "bdi", "strong", "nav", "table", "caption", "thead", "tbody",
                                               "tr", "th", "td", "a", "main", "section", "div", "img", "ul", "li"}
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
        assert tag != "a" or attributes["href"][0] == "#"
        assert (tag != "img" or attributes["src"].startswith("data:image/svg+xml;base64,")
                and len(attributes["alt"]) > 40)
    assert reader.text.count(HOSTILE) >= 5 and "\x1b" not in html and "\u202e" not in html
    for data in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", html):
        picture = base64.b64decode(data).decode()
        assert (not re.search(r"<script|\son\w+=|javascript:|LOOT|onerror", picture)
                and not re.search(r"href=\"(?!#|data:image/png)", picture))


def test_front_and_events(course):
    hand_in(course, "fast", measured(0.001, 0.009, 0.90))
    hand_in(course, "small", measured(0.020, 0.001, 0.90))
    hand_in(course, "right", measured(0.009, 0.009, 0.99))
    hand_in(course, "beaten", measured(0.009, 0.009, 0.98))
    hand_in(course, "poor", measured(0.0005, 0.0005, 0.82))
    hand_in(course, "other", measured(0.0001, 0.0001, 1.0, data=("0" * 64, "1" * 64)))
    mean_only = measured(0.0001, 0.0001, 1.0)
    for side in ("baseline", "optimized"): del mean_only[side]["metrics"]["latency_ms_median"]
    mean_only["improvements"]["speedup_basis"] = "mean"
    hand_in(course, "meanonly", mean_only)
    html = page(course)
    assert "Measured by the students" in Reader(html).text
    # the fastest first
    assert [row[1] for row in table(html, "On the Pareto front")] == ["poor", "fast", "right", "small"]
    places = {name: [(row[0], row[1]) for row in table(html, name)]
              for name in (event.value.replace("_", " ") for event in __import__("tinytorch").olympics.OlympicEvent)}
    assert places["latency sprint"] == [("1", "fast"), ("2=", "beaten"), ("2=", "right"), ("4", "small")]
    assert places["memory challenge"][0] == ("1", "small") and places["accuracy contest"][0] == ("1", "right")
    assert places["extreme push"][0] == ("1", "poor") and len(places["all around"]) == 5
    assert table(html, "Valid, but in no ranking") == [["meanonly", "no median latency"], ["other", "other test data"]]


def test_a_file_that_is_no_submission_is_listed_with_its_reason(course):
    good = json.dumps(measured(0.1, 0.1, 0.9))
    odd = [(b"{", "not JSON .line 1, column 2"), (b"\xff\xfe", "not UTF-8 .byte 0"),
           (b"[" * 100_000, "nested too deeply"), (b"[]", "expected"),
           (b" " * (2**20 + 1), "larger than"),
           (good.replace('"accuracy": 0.9,', '"accuracy": NaN,').encode(), "/accuracy is nan, expected a finite"),
           (good.replace('"system_info"', '"baseline": {}, "system_info"').encode(), "'baseline' occurs twice"),
           (b"1" * 10_000, "digits|expected"), (b'{"baseline": 1}', "and [0-9]+ more"),
           (good.replace('"2026-03-01T10:00:00+00:00"', "7").encode(), "timestamp"),
           (good.replace('"accuracy": 0.9,', '"accuracy": 92,').encode(), "/accuracy"),
           (good.replace('"model_size_mb": 0.1,', f'"model_size_mb": 1{"0" * 400},').encode(), "")]
    for k, (content, _) in enumerate(odd): hand_in(course, f"odd{k:02}", content)
    hand_in(course, "ada", b"\xef\xbb\xbf" + good.encode())
    html = page(course)
    said = dict(table(html, "Not valid"))
    assert list(said) == [f"odd{k:02}" for k in range(len(odd))] and "1 valid files" in Reader(html).text
    for (content, why), reason in zip(odd, said.values()):
        assert (re.search(why, reason) and 0 < len(reason) < 400
                and not re.search("[a-z]Error", reason)), (content[:40], reason)


@pytest.mark.parametrize("error", [ZeroDivisionError("0"), FloatingPointError("nan"), KeyError("speedup"),
                                   AttributeError("get")])
def test_one_file_that_validation_stumbles_over_is_one_line(course, monkeypatch, error):
    from tinytorch import olympics
    validate = olympics.validate_submission_schema
    def fail(submission):
        if submission["optimized"]["metrics"]["accuracy"] == 0.8: raise error
        validate(submission)
    monkeypatch.setattr(olympics, "validate_submission_schema", fail)
    for student, accuracy in (("ada", 0.9), ("bob", 0.8)): hand_in(course, student, measured(0.1, 0.1, accuracy))
    html = page(course)
    assert [student for student, _ in table(html, "Not valid")] == ["bob"] and "1 valid files" in Reader(html).text


def test_a_record_that_is_not_whole_counts_as_none(course):
    for name, broken in (("list", [1]), ("parts", {"student": "parts", "parts": {"part1-forward": 5}}),
                         ("none", {"student": "none"})):
        (course / "_grades").mkdir(exist_ok=True)
        (course / "_grades" / f"{name}.json").write_text(json.dumps(broken))
    assert "Nothing is graded yet" in Reader(page(course)).text


def test_no_link_device_or_pipe_is_read(course, tmp_path):
    outside = tmp_path / "outside" / "20_capstone"
    outside.mkdir(parents=True)
    (outside / "submission.json").write_text(json.dumps(measured(0.001, 0.001, 0.96)))
    path = hand_in(course, "link", b"")
    path.unlink()
    path.symlink_to(outside / "submission.json")
    (course / "submitted" / "folderlink").symlink_to(outside.parent)
    os.mkfifo(hand_in(course, "pipe", b"").with_name("p"))
    path = course / "submitted" / "pipe" / "20_capstone" / "submission.json"
    path.unlink()
    os.mkfifo(path)
    path = hand_in(course, "folder", b"")
    path.unlink()
    path.mkdir()
    html = page(course)
    assert "0 valid files" in Reader(html).text
    assert {row[0] for row in table(html, "Not valid")} == {"link", "folderlink", "pipe", "folder"}


@pytest.mark.filterwarnings("error")
def test_measurements_beyond_any_machine_do_not_break_the_figure(course):
    for k, value in enumerate((1e-300, 1e300, 0.004, 0.005, 0.006)):
        hand_in(course, f"s{k}", measured(value, 0.003, 0.96))
    html = page(course)
    assert len(table(html, "all around")) == 5


def test_a_thousand_students_fit_on_a_page_with_an_end(course):
    rng, full = random.Random(7), parts(course)
    for k in range(1000):
        graded = {name: part | ({"score": 0, "message": f"got {rng.random()}, expected {k}"} if rng.random() < 0.1
                                else {}) for name, part in full.items()}
        state(course, k, f"student-{k}", graded, rng.choice(["graded"] * 4 + ["timeout"]), notes=[f"note {k}"])
        hand_in(course, f"student-{k}",
                measured(rng.lognormvariate(-5, 1), rng.lognormvariate(-6, 1), rng.uniform(0.7, 1)))
    html = page(course)
    assert "1000 submissions" in Reader(html).text and "1000 valid files" in Reader(html).text
    # a line for each of the thousand, and an end to all other tables
    assert len(html) < 3_000_000 and html.count("<tr>") < 1600
    assert len(table(html, "One by one")) == report.ROWS
    assert re.search(r"[1-9]\d* more: capstone grade prints them all", html)


def test_no_course_is_one_line(tmp_path):
    with pytest.raises(GradebookError, match="no course here"): report.write(tmp_path)
