"What a student's `capstone check` says: the instructor's points, hints, and nothing that is hidden. Needs no cage."
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import submissions
from submissions import ROOT, TRUSTED, graded, lost, notebook, save, solutions

from tinytorch_grader import check, intake, judge
from tinytorch_grader.cage import Bare, Limits, watch
from tinytorch_grader.cage.bubblewrap import Cages

RIGHT = solutions()
MIXED = {"part1-model": RIGHT["part1-model"].replace("self.relu.forward(self.fc1.forward(x))", "self.fc1.forward(x)"),
         "part2-timing": RIGHT["part2-timing"].replace("/ 1e6", "/ 1e9"),
         "part3-save": RIGHT["part3-save"].replace("allow_nan=False", "allow_nan=True"),
         "part4-agree": RIGHT["part4-agree"].replace("rel_tol=1e-6", "rel_tol=1"),
         "q3": "q3 = {'per_sample_ms': 3.125, 'batch_of_one_ms': 3.125}",
         "part4b-optimize": "raise ValueError('not yet')", "part2-size": "def _size_bytes(model): return 1 / 0"}
FREE = ("import sys\nfor name in ('nbgrader', 'sqlalchemy', 'nbformat', 'jsonschema'): sys.modules[name] = None\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in getattr(f, '__module__', '')]\n"
        "from tinytorch_check.cli import main\nmain()")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    "A student's repository, and the folder its wheel was installed into."
    from tinytorch_grader.release import release
    out, installed = tmp_path_factory.mktemp("student") / "capstone", tmp_path_factory.mktemp("installed")
    release(out)
    with zipfile.ZipFile(next((out / "binder").glob("*.whl"))) as wheel: wheel.extractall(installed)
    return out, installed


def run(repository, *words, code=FREE, env={}):
    "`capstone check` as a student has it: the wheel, no nbgrader, no bubblewrap."
    out, installed = repository
    return subprocess.run([sys.executable, "-c", code, "check", *map(str, words)],
                          cwd=out, capture_output=True, text=True, timeout=120,
                          env={"PATH": "/nowhere", "PYTHONPATH": str(installed), "HOME": str(out)} | env)


def points(result): return {name: part["score"] for name, part in result.parts.items()}


def test_a_student_sees_the_points_and_messages_of_the_instructors_run(repository, tmp_path):
    path = save(tmp_path, notebook(MIXED))
    done = run(repository, path, "--json", tmp_path / "check.json")
    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "check.json").read_text())["submissions"][0]
    with submissions.box(seconds=30) as box:
        theirs = graded(box, path, seed=int(intake.read(path, TRUSTED).sha256[:8], 16))
    assert row["parts"] == theirs.parts and row["score"] == theirs.score and row["needs_manual"]
    assert 0 < theirs.score < 95 and lost(theirs) >= {"part1-forward", "part2-timing-units", "part3-save-valid",
                                                      "part4-agree-check", "q3-check"}
    for name, part in theirs.parts.items():
        folded = part["message"].startswith("not written yet")   # in one line for all of them
        assert name in done.stdout and (not part["message"] or folded or part["message"][:40] in done.stdout)


def test_every_point_and_none(repository, tmp_path):
    assert re.search(r"total +95 of 100  5 points await manual grading\n",
                     run(repository, save(tmp_path, notebook())).stdout)
    assert run(repository).returncode == 0   # the released notebook itself
    result = check.check(save(tmp_path, notebook()))
    assert (result.score, lost(result), result.notes) == (95, set(), [])
    assert check.check(save(tmp_path, notebook(release=True))).score == 0


def test_nothing_hidden_shows(repository, tmp_path):
    hidden = judge.Hidden(TRUSTED)
    for found in (notebook(MIXED), notebook(release=True), notebook({name: "x = 1" for name in RIGHT})):
        done = run(repository, save(tmp_path, found))
        assert not hidden.within(done.stdout + done.stderr) and "Traceback" not in done.stdout + done.stderr
        assert "tinytorch_check" not in done.stdout and "examiner.py" not in done.stdout
    wrong = check.check(save(tmp_path, notebook({"q1": RIGHT["q1"].replace("15.0", "16.0")})))
    assert ("saved_mb: got 16.0" in wrong.parts["q1-check"]["message"]
            and "expected" not in wrong.parts["q1-check"]["message"])


@pytest.mark.parametrize("broken, says",
                         [("latencies_ms = [\n", r"SyntaxError: '\[' was never closed \(<cell>, line 11\)"),
                          ("raise OSError('no')\n", r"OSError: no \(line 1\)")])
def test_a_solution_cell_that_did_not_run_says_why(tmp_path, broken, says):
    source = (RIGHT["part2-timing"].replace("latencies_ms = []\n", broken) if "[" in broken
              else broken + RIGHT["part2-timing"])
    result = check.check(save(tmp_path, notebook({"part2-timing": source})))
    assert lost(result) == {f"part2-timing-{part}" for part in ("units", "warmup", "region", "samples", "clock")}
    for name in lost(result):
        assert re.match(says + ", so the cell part2-timing did not run",
                        result.parts[name]["message"]), result.parts[name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name here")
def test_a_pipe_that_a_student_saves_is_one_message_and_no_wait(tmp_path):
    saves = ("import os\ndef save_submission(submission, filepath):\n    os.remove(filepath)\n"
             "    os.mkfifo(filepath)\n    return str(filepath)")
    result = check.check(save(tmp_path, notebook({"part3-save": saves})), seconds=5)
    assert result.status == "graded" and lost(result) == {"part3-save-valid", "part3-save-atomic"}
    assert ("submission.json is no file that can be read: a link, a pipe or a folder"
            in result.parts["part3-save-valid"]["message"])


def test_a_loop_without_end_names_the_cell_that_a_test_calls(tmp_path):
    path = save(tmp_path, notebook(
        {"part2-timing": "def _time_calls(model, X, num_runs, warmup_runs=10):\n    while True: pass"}))
    result = check.check(path, seconds=4)
    assert ((result.status, result.message)
            == ("timeout", "stopped after 4 s of computing, in cell part2-timing-units, which calls part2-timing"))
    assert (check.check(save(tmp_path, notebook({"q1": "while True: pass"})), seconds=2).message
            == "stopped after 2 s of computing, in cell q1")


def test_the_wheel_alone_holds_the_checks_under_their_seal(repository):
    out, installed = repository
    names = {path.name for path in installed.rglob("*") if path.is_file()}
    assert ({"checks.sealed", "check.py", "judge.py", "examiner.py", "student.py"} <= names
            and not names & {"bubblewrap.py", "server.py", "release.py", "grade.py"})
    sealed = next(installed.rglob("checks.sealed")).read_bytes()
    assert b"HIDDEN" not in sealed and b"check_forward" not in sealed
    other = run(repository, "release", code=FREE.replace("main()", "sys.argv[1:] = ['release', 'x']; main()"))
    assert other.returncode == 2 and "students' part" in other.stderr and other.stderr.count("\n") == 1


def test_the_released_repository_names_only_commands_that_work_there(repository):
    out, _ = repository
    asked = lambda *words: run(repository, code=FREE.replace("main()", f"sys.argv[1:] = {list(words)}; main()"))
    listed = set(re.findall(r"^  (\w+)  ", asked("--help").stdout.split("Commands:")[1], re.MULTILINE))
    text = "\n".join(path.read_text(encoding="utf-8") for path in out.rglob("*")
                     if path.suffix in (".md", ".ipynb", ".py", ".txt", ".ini") or path.name == "postBuild")
    named = set(re.findall(r"(?:[`!]|^|\n)capstone ([a-z]+)\b", text))
    assert named == {"check"} and named <= listed == {"check", "help"}
    for name in listed:
        done = asked(name, "--help")
        assert done.returncode == 0 and "Usage: " in done.stdout, done.stderr


def test_a_notebook_runs_it_in_one_line(repository, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    out, installed = repository
    monkeypatch.setenv("PYTHONPATH", str(installed))
    cells = [nbformat.v4.new_code_cell(f"%run -m tinytorch_check check {word}") for word in ("q1", "nowhere.ipynb")]
    made = nbformat.v4.new_notebook(
        cells=[*cells, nbformat.v4.new_code_cell("import signal; signal.getsignal(signal.SIGTERM) is signal.SIG_DFL")])
    NotebookClient(made, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(out)}}).execute()
    said = ["".join(part.get("text") or part["data"]["text/plain"] for part in cell.outputs) for cell in made.cells]
    assert "20_capstone.ipynb, saved " in said[0] and "not written yet: q1-check" in said[0]
    assert (said[1].startswith("capstone: nowhere.ipynb: no such file") and said[1].count("\n") == 1
            and said[2] == "True")


def test_without_hidden_checks_it_says_so(tmp_path):
    from tinytorch_grader.release import release
    release(tmp_path / "out", hidden_checks=False)
    with zipfile.ZipFile(next((tmp_path / "out" / "binder").glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    done = run((tmp_path / "out", tmp_path / "installed"),
               save(tmp_path, notebook({"q1": RIGHT["q1"].replace("15.0", "16.0")})))
    assert check.UNSEEN in done.stdout and "95 of 100" in done.stdout   # the mistake shows in a hidden check alone


def test_an_own_tinytorch_is_the_one_that_is_checked(repository, tmp_path):
    shutil.copytree(ROOT / "tinytorch", tmp_path / "mine" / "tinytorch",
                    ignore=shutil.ignore_patterns("olympics*", "__pycache__"))
    layers = tmp_path / "mine" / "tinytorch" / "core" / "layers.py"
    layers.write_text(layers.read_text() + "\nclass Linear(Linear):\n    def forward(self, x): return Tensor(0 * "
                      "super().forward(x).data)\n    __call__ = forward\n")
    path = save(tmp_path, notebook(before={"part1-model": ["import tinytorch; print(tinytorch.__file__)"]}))
    own = run(repository, path, env={"TINYTORCH_PATH": str(tmp_path / "mine")})
    assert "part1-forward                  0 of 4" in own.stdout and own.returncode == 0, own.stdout
    assert "part1-forward                  4 of 4" in run(repository, path).stdout
    # beside a tinytorch that it must not take instead
    wrong = run(repository, env={"TINYTORCH_PATH": str(tmp_path / "nothing")})
    assert wrong.returncode == 2 and "nothing" in wrong.stderr
    wrong = run(repository, path, env={"TINYTORCH_PATH": str(tmp_path / "nothing")})
    assert wrong.returncode == 2 and "holds no tinytorch package" in wrong.stderr and wrong.stderr.count("\n") == 1


@pytest.fixture
def broken(tmp_path):
    "A folder with a TinyTorch whose Linear has a typo, and the line of it."
    shutil.copytree(ROOT / "tinytorch", tmp_path / "mine" / "tinytorch",
                    ignore=shutil.ignore_patterns("olympics*", "__pycache__"))
    layers = tmp_path / "mine" / "tinytorch" / "core" / "layers.py"
    layers.write_text(layers.read_text()
                      + "\n\nclass Linear(Linear):\n    def forward(self, x): return x.data @ self.weigth.data\n")
    return tmp_path / "mine", len(layers.read_text().splitlines())


def told(box, tmp_path):
    "What is said of the cell that runs a Linear."
    submission = intake.read(save(tmp_path, notebook()), TRUSTED)
    job = intake.job(TRUSTED, submission, 1)
    with box: return judge.judge(TRUSTED, submission, job, box.run(job), "x").parts["part1-forward"]["message"]


@pytest.mark.parametrize("cage", [Bare, *[Cages] * bool(shutil.which("bwrap"))])
def test_an_error_in_an_own_tinytorch_is_shown_at_its_own_line(cage, broken, tmp_path, monkeypatch):
    folder, line = broken
    monkeypatch.setenv("TINYTORCH_PATH", str(folder))
    assert (told(cage(TRUSTED, Limits()), tmp_path)
            == f"AttributeError: 'Linear' object has no attribute 'weigth' (line {line} of tinytorch/core/layers.py)")


def test_an_error_in_the_shipped_tinytorch_is_shown_at_the_students_line(broken, tmp_path):
    assert re.search(r"'weigth' \(line \d+ of part1-model\)$",
                     told(Bare(TRUSTED, Limits(), beside=broken[0]), tmp_path))


def test_a_tinytorch_beside_the_notebook_goes_before_the_installed_one(repository, tmp_path):
    out, installed = repository
    path = save(out, notebook(before={"part1-model": ["raise ValueError(tinytorch.__file__)"]}), "mine.ipynb")
    (out / "tinytorch" / "marker.py").write_text("here = 1\n")
    path = save(out, notebook({"part4b-optimize": "from tinytorch.marker import here\n" + RIGHT["part4b-optimize"]}),
                "mine.ipynb")
    assert "part4b-optimize-check          5 of 5" in run(repository, path).stdout
    elsewhere = save(tmp_path, json.loads(path.read_text()))
    (out / "tinytorch" / "marker.py").unlink()
    assert "part4b-optimize-check          0 of 5" in run(repository, elsewhere).stdout


def test_the_answers_cannot_be_imported(tmp_path):
    find = "import tinytorch.olympics"
    result = check.check(save(tmp_path, notebook(before={"part1-model": [find]})))
    errors = [o["ename"] for c in result.notebook["cells"] if c["source"] == find for o in c["outputs"]]
    assert errors == ["ModuleNotFoundError"]


def test_what_cannot_be_graded_is_one_line(tmp_path, repository):
    path = tmp_path / "x.ipynb"
    path.write_text("{")
    done = run(repository, path)
    assert done.returncode == 1 and "is not JSON" in done.stdout and "Traceback" not in done.stdout + done.stderr
    done = run(repository, tmp_path / "none.ipynb")
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def test_an_endless_cell_keeps_what_came_before(tmp_path):
    result = check.check(save(tmp_path, notebook({"part2-timing": "while True: pass"})), seconds=3)
    assert result.status == "timeout" and result.score == 10


def test_a_system_without_what_linux_has(repository, tmp_path):
    path = save(tmp_path, notebook(MIXED))
    less = ("import os, select, socket, sys\n" "for name in ('fork', 'forkpty', 'killpg', 'sched_getaffinity', "
            "'pipe2'): delattr(os, name)\n" "for name in ('fcntl', 'resource', 'termios', 'pwd', 'grp'): "
            "sys.modules[name] = None\n" "del socket.SOCK_SEQPACKET, select.poll\n")
    code = less + FREE.replace("from tinytorch_check.cli",
                               "from tinytorch_check.cage import Bare\nBare.relay = True\nfrom tinytorch_check.cli")
    scores = []
    for source in (FREE, code):
        done = run(repository, path, "--json", tmp_path / "row.json", code=source)
        assert done.returncode == 0, done.stderr
        scores.append(json.loads((tmp_path / "row.json").read_text())["submissions"][0]["parts"])
    assert scores[0] == scores[1]


def test_where_a_process_takes_no_socket_two_threads_carry_the_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(Bare, "relay", True)
    monkeypatch.delattr(os, "killpg")
    monkeypatch.delattr(watch.select, "poll")
    path = save(tmp_path, notebook(MIXED))
    relayed = check.check(path)
    monkeypatch.undo()
    assert relayed.parts == check.check(path).parts and relayed.status == "graded"
    monkeypatch.setattr(Bare, "relay", True)
    with Bare(TRUSTED, Limits(seconds=2)) as box:
        step = lambda source: intake.Job(1, [intake.Step("a", "extra", source)])
        assert (box.run(step("while True: pass")).status == "timeout"
                and box.run(step("import os; os._exit(1)")).status == "crashed")
        assert box.run(step("print('x' * 10**7)")).status == "graded"
