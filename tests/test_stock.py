"""Everything stays on nbgrader: its own commands work on the capstone as it stands,
its courses open here and ours there."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install '.[grader]'")
pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="grades in the cage: run `make system`")

from grading import ASSIGNMENT, RIGHT, ROOT, WRONG, gradebook, hand_in, make_course, nbgrader, needs_cage  # noqa: E402

from tinytorch_grader.grade import GradeError, grade  # noqa: E402
from tinytorch_grader.notebook import CHECKS  # noqa: E402

SANDBOX = bool(shutil.which("bwrap"))
NOTEBOOK = f"{ASSIGNMENT}.ipynb"
MARKERS = "### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS", "### BEGIN MARK SCHEME"


def scores(course, **options):
    return {row["student"]: row["score"] for row in grade(course, sandbox=SANDBOX, **options)}


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    "A course on the capstone in which only nbgrader's own commands have worked: the folder and what each command said."
    course = tmp_path_factory.mktemp("stock")
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.ExecutePreprocessor.timeout = 300\n")
    (course / "source" / ASSIGNMENT).mkdir(parents=True)
    for name in (NOTEBOOK, CHECKS): shutil.copy(ROOT / name, course / "source" / ASSIGNMENT)
    said = {"generate": nbgrader(course, "generate_assignment", ASSIGNMENT)}
    released = course / "release" / ASSIGNMENT / NOTEBOOK
    for student, source in (("reference", ROOT / NOTEBOOK), ("untouched", released)):
        (course / "submitted" / student / ASSIGNMENT).mkdir(parents=True)
        shutil.copy(source, course / "submitted" / student / ASSIGNMENT / NOTEBOOK)
    said["autograde"] = nbgrader(course, "autograde", ASSIGNMENT)
    said["feedback"] = nbgrader(course, "generate_feedback", ASSIGNMENT)
    return course, said


def test_stock_commands_work_on_the_capstone(stock):
    course, said = stock
    for command, result in said.items(): assert result.returncode == 0, (command, result.stderr[-2000:])
    released = (course / "release" / ASSIGNMENT / NOTEBOOK).read_text()
    assert (not any(marker in released for marker in MARKERS)
            and any(marker in (ROOT / NOTEBOOK).read_text() for marker in MARKERS))
    found = gradebook(course)
    lost = {name: auto for name, (auto, *_, most) in found["reference"]["grades"].items() if auto not in (most, None)}
    assert found["reference"]["score"] == 95 and found["reference"]["manual"], lost
    earned = {name: auto for name, (auto, *_) in found["untouched"]["grades"].items() if auto}
    assert found["untouched"]["score"] == 0, earned
    for student in ("reference", "untouched"):
        assert (course / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html").stat().st_size > 10_000


def test_a_stock_course_opens_here_with_the_same_grades(stock):
    course, _ = stock
    before = gradebook(course)
    assert scores(course) == {"reference": 95, "untouched": 0}
    for found in before.values():   # the one difference: stock lets a mark scheme, worth no points, wait for a person
        auto, manual, waits, *more = found["grades"]["reflection-question"]
        assert waits and more[-1] == 0
        found["grades"]["reflection-question"] = auto, manual, False, *more
        found["manual"] = any(waits for _, _, waits, *_ in found["grades"].values())
    assert gradebook(course) == before
    notebook = nbformat.read(course / "autograded" / "reference" / ASSIGNMENT / NOTEBOOK, as_version=4)
    nbformat.validate(notebook)


def test_a_source_without_its_checks_is_an_error_and_nobodys_zero(stock, tmp_path):
    course = shutil.copytree(stock[0], tmp_path / "course")
    (course / "source" / ASSIGNMENT / CHECKS).unlink()
    with pytest.raises(GradeError, match=f"{NOTEBOOK}: its tests import {CHECKS}, which is not beside it"):
        scores(course)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    "A small course made and graded here."
    course = make_course(tmp_path_factory.mktemp("ours"))
    hand_in(course, "ada", "2026-01-31 12:00:00 UTC", **RIGHT)
    hand_in(course, "bob", **RIGHT | {"half": WRONG})
    hand_in(course, "eve")
    assert scores(course) == {"ada": 5, "bob": 2, "eve": 0}
    return course


def test_stock_commands_work_on_our_course(ours, tmp_path):
    course = shutil.copytree(ours, tmp_path / "course")
    before = gradebook(course)
    cells = lambda: [[(cell["cell_type"], cell["metadata"]["nbgrader"]) for cell in json.loads(
        path.read_text())["cells"]] for path in sorted((course / "autograded").glob(f"*/{ASSIGNMENT}/{NOTEBOOK}"))]
    written = cells()
    for words in (("generate_feedback", ASSIGNMENT), ("autograde", ASSIGNMENT, "--force"), ("export",)):
        result = nbgrader(course, *words)
        assert result.returncode == 0, (words, result.stderr[-2000:])
    assert len(list((course / "feedback").glob(f"*/{ASSIGNMENT}/{ASSIGNMENT}.html"))) == 3
    assert "ada" in (course / "grades.csv").read_text()
    assert gradebook(course) == before   # every score, comment and flag as stock autograde enters it
    assert cells() == written   # nbgrader's metadata too
    assert scores(course) == {"ada": 5, "bob": 2, "eve": 0}


class Server:
    "A Jupyter server with Formgrader on `course`, on loopback, that keeps its files in `home`."

    def __init__(self, course, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        env = os.environ | {name: str(home) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
                                                         "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
        words = ["--no-browser", "--allow-root", f"--port={self.port}",
                 "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
                 "--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader=True",
                 f"--ServerApp.root_dir={course}"]
        self.log = open(home / "server.log", "w")
        self.process = subprocess.Popen([sys.executable, "-m", "jupyter", "server", *words], cwd=course, env=env,
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try: return self.get("/api") and None
            except OSError:
                assert (self.process.poll() is None
                        and time.monotonic() < deadline), (home / "server.log").read_text()[-2000:]
                time.sleep(0.2)

    def get(self, path, data=None, method=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data and json.dumps(data).encode(),
                                         method=method or ("PUT" if data else "GET"))
        with urllib.request.urlopen(request, timeout=300) as answer: return answer.read().decode()

    def json(self, path, data=None, method=None):
        return json.loads(self.get(f"/formgrader/api/{path}", data, method))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def test_formgrader_opens_the_course_and_its_marks_survive(ours, tmp_path):
    course = shutil.copytree(ours, tmp_path / "course")
    server = Server(course, tmp_path)
    try:
        assert "formgrader" in server.get("/formgrader").lower()
        found = {row["student"]: row for row in server.json(f"submissions/{ASSIGNMENT}")}
        assert ({student: (row["score"], row["autograded"], row["needs_manual_grade"])
                 for student, row in found.items()}
                == {"ada": (5, True, True), "bob": (2, True, True), "eve": (0, True, False)})
        sheets = {row["student"]: row for row in server.json(f"submitted_notebooks/{ASSIGNMENT}/{ASSIGNMENT}")}
        assert sheets["bob"]["failed_tests"] and not sheets["ada"]["failed_tests"]
        page = server.get(f"/formgrader/submissions/{sheets['ada']['id']}/")
        assert RIGHT["why"] in page
        grades = {row["name"]: row for row in server.json(f"grades?submission_id={sheets['ada']['id']}")}
        server.json(f"grade/{grades['why']['id']}", grades["why"] | {"manual_score": 4})
        comments = {row["name"]: row for row in server.json(f"comments?submission_id={sheets['ada']['id']}")}
        server.json(f"comment/{comments['why']['id']}", comments["why"] | {"manual_comment": "Say more about why."})
    finally: server.close()
    assert scores(course) == {"ada": 9, "bob": 2, "eve": 0}
    hand_in(course, "ada", **RIGHT | {"half": WRONG})
    assert scores(course) == {"ada": 6, "bob": 2, "eve": 0}
    assert gradebook(course)["ada"]["comments"]["why"][1] == "Say more about why."
    feedback = pytest.importorskip("tinytorch_grader.pages.feedback", reason="pip install '.[grader]'")
    feedback.write(course)
    page, = Path(course / "feedback" / "ada" / ASSIGNMENT).glob("*.html")
    assert "Say more about why." in page.read_text() and "6" in page.read_text()


@needs_cage
def test_formgraders_buttons_go_through_the_cage(ours, tmp_path):
    """The addresses that *Autograde* and *Generate Feedback* post to:
    nothing of a student's runs outside, no hidden test goes out."""
    course, marker = shutil.copytree(ours, tmp_path / "course"), tmp_path / "escaped"
    hand_in(course, "ada",
            **RIGHT | {"double": f"open({str(marker)!r}, 'w').close()\n{RIGHT['double']}", "half": WRONG})
    hand_in(course, "bad").write_text("{")
    server = Server(course, tmp_path)
    try:
        done = server.json(f"submission/{ASSIGNMENT}/ada/autograde", method="POST")
        assert done["success"] and not marker.exists(), done
        done = server.json(f"submission/{ASSIGNMENT}/bad/autograde", method="POST")
        assert not done["success"] and "is not JSON" in done["log"], done
        done = server.json(f"assignment/{ASSIGNMENT}/ada/generate_feedback", method="POST")
        assert done["success"], done
    finally: server.close()
    page = (course / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    assert "Content-Security-Policy" in page and "What lost points" in page and "double(3) == 6" not in page
    # `double` may not write there: its cell fails, or the write is refused
    assert gradebook(course)["ada"]["score"] in (0, 2)
