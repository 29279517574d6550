"""A release holds no answer, no hidden test and no instructor's file, in any form a reader meets;
what would leak is refused."""
import gzip
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import nbformat
import pytest
from submissions import ROOT, SOURCE, TRUSTED, mark, solutions

from tinytorch_grader import release as room
from tinytorch_grader.release import ReleaseError, Secrets, leaks, release
from tinytorch_grader.seal import seal, unseal

RIGHT = solutions()
ANSWER = "\n".join(RIGHT["part4-agree"].splitlines()[-6:-1])
HIDDEN = next(TRUSTED.source(i).split("### BEGIN HIDDEN TESTS\n")[1].split("\n### END")[0]
              for i, role in enumerate(TRUSTED.roles) if role == "test" and TRUSTED.grade_id(i) == "q1-check")
SCHEME = next("".join(c["source"]) for c in SOURCE["cells"]
              if "MARK SCHEME" in "".join(c["source"])).split("MARK SCHEME\n")[1].split("\n###")[0]
MANUAL = next("".join(c["source"]) for c in SOURCE["cells"]
              if mark(c).get("grade_id") == "reflection").split("SOLUTION\n")[1].split("\n###")[0]


@pytest.fixture(scope="module")
def clean(tmp_path_factory): return release(tmp_path_factory.mktemp("clean") / "capstone", repo="org/capstone")


@pytest.fixture(scope="module")
def secrets(): return Secrets(nbformat.read(ROOT / "20_capstone.ipynb", as_version=4))


@pytest.fixture
def out(clean, tmp_path): return Path(shutil.copytree(clean, tmp_path / "capstone"))


@pytest.fixture
def quick(clean, monkeypatch):
    "Releases that copy what the first one wrote, to test what is done with it."
    monkeypatch.setattr(room, "write_repository", lambda out, *more: shutil.copytree(clean, out, dirs_exist_ok=True))


def found(folder, secrets, also=()):
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts}
    return leaks(folder, secrets, files)


def git(folder, *words):
    done = subprocess.run(["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def edit(path, change):
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook))


def test_a_release_again_keeps_its_badge(out, clean, monkeypatch):
    given = []
    monkeypatch.setattr(room, "write_repository", lambda new, repo, hidden_checks: given.append(repo)
                        or shutil.copytree(clean, new, dirs_exist_ok=True))
    release(out)
    release(out, repo="other/name")
    release(out.parent / "new")
    assert given == ["org/capstone", "other/name", None]


def test_a_clean_release_holds_what_a_student_needs_and_nothing_else(clean, secrets):
    names = {p.relative_to(clean).as_posix() for p in clean.rglob("*") if p.is_file()}
    assert {"20_capstone.ipynb", "LICENSE", "README.md", "settings.ini", ".gitignore", "binder/postBuild",
            "binder/requirements.txt", "tinytorch/__init__.py"} <= names
    assert not [n for n in names if "olympics" in n or "grader/" in n or "mistakes" in n or n.startswith(
        ("src", "tests")) or n.endswith((".pyc", ".db"))]
    assert found(clean, secrets) == []
    assert ("mybinder.org/v2/gh/org/capstone" in (clean / "README.md").read_text()
            and "courtesy" in (clean / "README.md").read_text())
    assert "CC BY 4.0" in (clean / "README.md").read_text() and "Apache License" in (clean / "LICENSE").read_text()
    text = (clean / "20_capstone.ipynb").read_text()
    assert ("BEGIN SOLUTION" not in text and "BEGIN HIDDEN" not in text and "MARK SCHEME" not in text
            and "NotImplementedError" in text)


def test_an_untouched_release_runs_to_its_end_and_says_what_is_not_written(out):
    from nbclient import NotebookClient

    notebook = nbformat.read(out / "20_capstone.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(out)}}).execute()
    shown = {cell.metadata.get("nbgrader", {}).get("grade_id", cell.id): "\n".join(output.traceback)
             for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == "error"}
    assert "_time_calls is not written yet: fill in its cell" in shown["part2-timing-units"]
    assert len(shown) > 40 and max(text.count("\n") for text in shown.values()) < 10


def test_two_releases_are_the_same_bytes_and_a_second_renews_the_first(clean, out):
    (out / "tinytorch" / "__init__.py").write_text("old = 1\n")
    release(out, repo="org/capstone")
    for path in clean.rglob("*"):
        if path.is_file(): assert (out / path.relative_to(clean)).read_bytes() == path.read_bytes(), path


def test_other_checks_make_another_version_of_the_wheel_so_that_pip_installs_it(out):
    def wheel():
        name, = [path.name for path in (out / "binder").glob("*.whl")]
        version = name.split("-")[1]
        with zipfile.ZipFile(out / "binder" / name) as archive:
            assert f"\nVersion: {version}\n" in archive.read(f"tinytorch_check-{version}.dist-info/METADATA").decode()
        assert name in (out / "README.md").read_text() and name in (out / "binder" / "postBuild").read_text()
        return version
    before = wheel()
    release(out, hidden_checks=False)
    assert wheel() != before


PLANTED = {
    "answer in the package": lambda out: (out / "tinytorch" / "core" / "layers.py").open("a").write("\n" + ANSWER),
    "hidden lines in the README": lambda out: (out / "README.md").open("a").write(HIDDEN),
    "mark scheme in the README": lambda out: (out / "README.md").open("a").write(SCHEME),
    "manual answer in the notebook": lambda out: edit(out / "20_capstone.ipynb",
                                                      lambda n: n["cells"][0].update(source=MANUAL)),
    "answer in a cell": lambda out: edit(out / "20_capstone.ipynb",
                                         lambda n: n["cells"][0].update(source=ANSWER.split("\n"))),
    "answer in an output": lambda out: edit(out / "20_capstone.ipynb", lambda n: n["cells"][0].update(
        outputs=[{"output_type": "stream", "name": "stdout", "text": RIGHT["part3-save"]}])),
    "hidden lines in metadata": lambda out: edit(out / "20_capstone.ipynb",
                                                 lambda n: n["metadata"].update(note={"deep": [HIDDEN]})),
    "answer in other spacing": lambda out: (out / "README.md").open("a")
    .write(ANSWER.replace(" ", "   ").replace("\n", "\r\n\t")),
    "answer in a zip": lambda out: zipfile.ZipFile(out / "binder" / "more.zip", "w").writestr("a/b.txt", ANSWER),
    "answer in a gzip": lambda out: (out / "binder" / "more.gz").write_bytes(gzip.compress(HIDDEN.encode())),
    "solutions under the seal": lambda out: (out / "binder" / "checks.sealed")
    .write_bytes(seal(json.dumps({"notebook": SOURCE}))),
    "olympics": lambda out: (out / "tinytorch" / "olympics.py").write_text("x = 1"),
    "a gradebook": lambda out: (out / "gradebook.db").write_bytes(b"x"),
    "a course": lambda out: ((out / "source").mkdir(), (out / "source" / "x").write_text("x")),
    "bytecode": lambda out: ((out / "tinytorch" / "__pycache__").mkdir(),
                             (out / "tinytorch" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"x")),
    "a checkpoint": lambda out: ((out / ".ipynb_checkpoints").mkdir(),
                                 (out / ".ipynb_checkpoints" / "x.ipynb").write_text("{}")),
    "a link": lambda out: (out / "link").symlink_to(ROOT / "20_capstone.ipynb"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_found(out, secrets, what):
    PLANTED[what](out)
    lines = found(out, secrets)
    assert lines and all("\n" not in line for line in lines)


def test_a_file_that_nobody_expects_is_found(out, secrets, clean):
    files = {p.relative_to(clean).as_posix() for p in clean.rglob("*") if p.is_file()}
    (out / "notes.txt").write_text("hello")
    assert leaks(out, secrets, files) == ["notes.txt: is no file of a student's repository"]


def commit_and_delete(out, name, text):
    git(out, "init", "-q")
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(text)
    git(out, "add", "-A")
    git(out, "commit", "-q", "-m", "first")
    (out / name).unlink()
    git(out, "add", "-A")
    git(out, "commit", "-q", "-m", "gone")


def amended(out):
    commit_and_delete(out, "old.txt", "nothing")
    (out / "answers.txt").write_text(ANSWER)
    git(out, "add", "-A")
    git(out, "commit", "-q", "-m", "oops")
    git(out, "reset", "-q", "--hard", "HEAD^")   # still in the object store, on no branch


def in_message(out):
    git(out, "init", "-q")
    git(out, "commit", "-q", "--allow-empty", "-m", "fix\n\n" + ANSWER)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed: apt-get install git")
@pytest.mark.parametrize("past", [lambda out: commit_and_delete(out, "answers.txt", ANSWER),
                                  lambda out: commit_and_delete(out, "tests.md", HIDDEN), lambda out: commit_and_delete(
    out, "mistakes/part1-model/no_relu.diff", "x = 1"), amended, in_message],
                         ids=["answer", "hidden", "instructor's file", "amended away", "message"])
def test_a_history_that_knows_too_much_is_refused_and_nothing_is_changed(out, past, quick):
    past(out)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(ReleaseError, match="git history") as e: release(out)
    assert "\n" not in str(e.value) and before == {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_an_innocent_history_is_no_obstacle(out, quick):
    git(out, "init", "-q")
    git(out, "add", "-A")
    git(out, "commit", "-q", "-m", "the release")
    release(out, repo="org/capstone")
    assert git(out, "status", "--porcelain") == ""


OWN = {".github/workflows/ci.yml": "on: push", ".devcontainer/devcontainer.json": "{}", "LICENSE.txt": "mine",
       "syllabus.md": "Week 1", "docs/due.md": "1 May"}


def test_files_of_the_courses_own_are_searched_and_left_alone(out, quick):
    for name, text in OWN.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    (out / "tinytorch" / "core" / "layers.py").write_text("of an older release")
    release(out, repo="org/capstone")
    assert {name: (out / name).read_text() for name in OWN} == OWN
    assert "class Linear" in (out / "tinytorch" / "core" / "layers.py").read_text()
    (out / "syllabus.md").write_text(f"Week 1\n{ANSWER}")
    with pytest.raises(ReleaseError, match="syllabus.md: holds solution lines of part4-agree"): release(out)
    assert ANSWER in (out / "syllabus.md").read_text()


def test_a_leak_in_what_it_writes_is_refused_and_nothing_is_left(tmp_path, monkeypatch, quick):
    real = room.write_repository
    def leaky(out, *more):
        real(out, *more)
        (out / "README.md").open("a").write(ANSWER)
    monkeypatch.setattr(room, "write_repository", leaky)
    with pytest.raises(ReleaseError, match="README.md: holds solution lines of part4-agree"): release(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_foreign_folders_and_bad_words_are_refused(tmp_path, quick):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(ReleaseError, match="holds other things and no release"): release(tmp_path / "mine")
    with pytest.raises(ReleaseError, match="is a file"): release(tmp_path / "mine" / "thesis.txt")
    with pytest.raises(ReleaseError, match="expected ORG/NAME"): release(tmp_path / "x", repo="https://github.com/a/b")
    with pytest.raises(ReleaseError, match="inside the checkout"): release(ROOT / "student")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"


def test_the_seal_keeps_its_text_and_says_when_it_is_broken():
    for text in ("", "x", HIDDEN * 50, "Zoë \U0001f600"): assert unseal(seal(text)) == text
    assert HIDDEN[:20].encode() not in seal(HIDDEN)
    with pytest.raises(ValueError, match="damaged: install"): unseal(seal(HIDDEN)[:-9])
