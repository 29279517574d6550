"""An instructor's evening: from an LMS download to grades and feedback,
with the reflection marked by clicking in Formgrader."""
import csv
import json
import shutil

import grading
import pytest
from lab import chromium, jupyterlab, menu, needs_chromium, page_of, quiet, shot
from submissions import notebook

pytestmark = needs_chromium
REFLECTION = (
    "I would defend the compression ratio: bytes are counted, not timed. <script>document.title = 'owned'</script>")
COMMENT = "Say which data the accuracy stands on."


def capstone(*words, status=0):
    "What `capstone` printed; it must end with `status`."
    done = grading.capstone(*words)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser: yield browser


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with two submissions that came as a Canvas and a Moodle download name them,
    and one file that is nobody's."""
    folder = tmp_path_factory.mktemp("instructor")
    course, downloads = folder / "course", folder / "downloads"
    assert "course in" in capstone("course", course)
    moodle = downloads / "Bob Boole_202_assignsubmission_file_"
    moodle.mkdir(parents=True)
    shutil.copy(course / "release" / "20_capstone" / "20_capstone.ipynb", moodle)
    ((downloads / "lovelaceada_101_5001_20_capstone.ipynb")
     .write_text(json.dumps(notebook({"reflection": REFLECTION})), encoding="utf-8"))
    (downloads / "timetable.txt").write_text("Monday")
    assert ("timetable.txt"
            in capstone("collect", course, "--from", downloads, status=1)), "what does not match is listed"
    assert {path.name for path in (course / "submitted").iterdir()} == {"lovelaceada_101", "Bob_Boole_202"}
    return course


def grade(course):
    "student -> row of the CSV that `capstone grade` writes."
    cage = [] if shutil.which("bwrap") else ["--no-sandbox"]
    capstone("grade", course, *cage, "--csv", course.parent / "grades.csv")
    with (course.parent / "grades.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def pressed(page, button, words):
    "Press a button of a student's row and wait for the dialog, which must say `words`."
    button.click()
    dialog = page.locator(".modal.in")
    dialog.get_by_text(words).first.wait_for(timeout=60_000)
    shot(page, f"instructor-{words.split(' ')[-1]}")
    dialog.locator("button").first.click()
    dialog.wait_for(state="hidden")


def by_buttons(course, page, address):
    "Formgrader's Autograde and Generate Feedback for one student: in the cage, and our page, without hidden tests."
    marker = course.parent / "escaped"
    solution = f"open({str(marker)!r}, 'w').close()\nq1 = 7"
    folder = course / "submitted" / "hoppergrace_303" / "20_capstone"
    folder.mkdir(parents=True)
    (folder / "20_capstone.ipynb").write_text(json.dumps(notebook({"q1": solution})), encoding="utf-8")
    page.goto(f"{address}/formgrader/manage_submissions/20_capstone")
    row = page.locator("tr", has_text="hoppergrace_303")
    pressed(page, row.locator("td.autograde a"), "Successfully autograded")
    assert not marker.exists() or not shutil.which("bwrap"), "student code ran outside of the cage"
    assert float(row.locator("td.score").inner_text().split("/")[0]) > 80
    pressed(page, row.locator("td.generate-feedback a"), "Successfully generated feedback")
    (path,) = (course / "feedback" / "hoppergrace_303").rglob("*.html")
    assert ("Content-Security-Policy" in path.read_text(encoding="utf-8")
            and "BEGIN HIDDEN" not in path.read_text(encoding="utf-8"))


def test_from_downloads_to_feedback(course, browser):
    before = grade(course)
    assert float(before["lovelaceada_101"]["score"]) == 95 and before["lovelaceada_101"]["needs_manual"] == "True"
    with jupyterlab(course, quiet(course.parent / "home")) as address:
        with page_of(browser, ignore=("MathJax is not defined",)) as page:  # Formgrader takes it from the network
            page.goto(f"{address}/lab?reset")
            menu(page, "Nbgrader", "Formgrader")
            form = page.frame_locator("iframe").first
            form.get_by_role("link", name="Manual Grading").click()
            for place in ("20_capstone", "20_capstone/20_capstone"):  # two pages with a link of one name
                form.locator(f"td a[href$='/gradebook/{place}']").click()
            form.get_by_role("link", name="Submission #1").wait_for()
            form.get_by_role("button", name="Show All Names").click()
            shot(page, "instructor-01-manual-grading")
            form.get_by_role("link", name="lovelaceada_101").click()
            points, comment = form.locator("#reflection"), form.locator("#reflection-comment")
            points.scroll_into_view_if_needed()
            shot(page, "instructor-02-reflection")
            assert page.title() != "owned" and REFLECTION.split(":")[0] in form.locator("body").inner_text()
            for field, text, stored in ((points, "4", "/api/grade/"), (comment, COMMENT, "/api/comment/")):
                field.fill(text)
                with page.expect_response(lambda answer: answer.request.method == "PUT"
                                          and stored in answer.url) as answer:
                    field.press("Tab")
                assert answer.value.ok
            shot(page, "instructor-03-marked")
            by_buttons(course, page, address)
    after = grade(course)
    assert float(after["lovelaceada_101"]["score"]) == 99 and after["lovelaceada_101"]["needs_manual"] == "False"
    assert after["Bob_Boole_202"]["score"] == before["Bob_Boole_202"]["score"]
    capstone("feedback", course)
    (page,) = (course / "feedback" / "lovelaceada_101").rglob("*.html")
    assert COMMENT in page.read_text(encoding="utf-8") and "<script>document" not in page.read_text(encoding="utf-8")


def test_feedback_and_report_open_offline(course, browser):
    grade(course)
    capstone("feedback", course)
    capstone("report", course)
    asked = []
    with page_of(browser) as page:
        page.on("request", lambda request: asked.append(request.url))
        (feedback,) = (course / "feedback" / "lovelaceada_101").rglob("*.html")
        page.goto(feedback.as_uri())
        shot(page, "instructor-04-feedback")
        assert page.title() != "owned"
        (report,) = course.glob("*.html")
        page.goto(report.as_uri())
        shot(page, "instructor-05-report")
        assert page.locator("img").count() + page.locator("svg").count() > 0
        assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert all(url.startswith(("file:", "data:")) for url in asked), "a page asks the network for something"
