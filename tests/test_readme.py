"""Every command and the example of the README run as they stand."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from grading import warm

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKE = re.compile(r"`(?:sudo )?make ([\w-]+)|^make ([\w-]+)", re.MULTILINE)


CANVAS = 'Student,ID,SIS Login ID,Capstone (7)\n    Points Possible,,,100\n"Lovelace, Ada",101,ada,\n'


def commands(section):
    "The lines of a section's fenced commands, without their comments."
    text = re.split(r"^## ", README, flags=re.MULTILINE)
    (text,) = [part for part in text if part.startswith(f"{section}\n")]
    return [line.split("  #")[0].strip() for block in re.findall(r"```\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()]


def example():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return code


def run(command, folder, status=(0,), environment=None, **more):
    "What a shell line printed in `folder`."
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True,
                          env=environment or {**os.environ, "PATH": path, **more})
    assert done.returncode in status, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def uncaged(block):
    "`block` as it is; where there is no bubblewrap, without the cage and without `rerun`, which runs nowhere else."
    if shutil.which("bwrap"): return block
    return re.sub(r"^capstone rerun .*$", "",
                  re.sub(r"^(capstone grade .*?)( *#.*)?$", r"\1 --no-sandbox", block, flags=re.M), flags=re.M)


def test_example_runs(tmp_path):
    assert len(example().strip().splitlines()) <= 10
    done = subprocess.run([sys.executable, "-c", example()], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "samples/s" in done.stdout and (tmp_path / "submission.json").exists()


@pytest.mark.parametrize("target", sorted({first or second for first, second in MAKE.findall(README)}))
def test_make_knows(target):
    run(f"make -n {target}", ROOT)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    "A copy of the checkout."
    folder = tmp_path_factory.mktemp("readme") / "clone"
    shutil.copytree(ROOT, folder, ignore=lambda place, names: [
        name for name in names
        if name in (".git", ".venv", "__pycache__") or Path(place) == ROOT and name.startswith("_")])
    return folder


def downloaded(folder):
    "Put what an LMS let an instructor download into `folder`."
    (folder / "downloads").mkdir(parents=True)
    shutil.copy(ROOT / "20_capstone.ipynb", folder / "downloads" / "lovelaceada_101_5001_20_capstone.ipynb")
    (folder / "gradebook.csv").write_text(CANVAS)
    return folder


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    """The folder in which the instructors' commands were run, one after the other;
    the students' repository lies beside it."""
    folder = downloaded(tmp_path_factory.mktemp("evening") / "checkout")
    for command in commands("Instructors"): run(uncaged(command), folder, environment=warm())
    return folder


def test_instructor_commands(evening):
    assert ("lovelaceada_101,graded,95" in (evening / "grades.csv").read_text(encoding="utf-8")
            and "101,ada,95" in (evening / "gradebook.csv").read_text())
    assert (list((evening / "_course" / "feedback" / "lovelaceada_101").rglob("*.html"))
            and list((evening / "_course").glob("*.html")))


def test_every_command_of_the_instructors_page(tmp_path):
    """The fenced lines of docs/instructors.md, in their order, in a folder with a course, a download,
    a roster and a second assignment."""
    from nbformat import read, write
    downloaded(tmp_path / "here")
    here = tmp_path / "here"
    (here / "students.csv").write_text(
        "id,first_name,last_name,email\nlovelaceada_101,Ada,Lovelace,ada@example.org\nhopper_102,Grace,Hopper,\n")
    run("capstone course course", here, environment=warm())
    example = read(ROOT / "20_capstone.ipynb", as_version=4)
    example.cells = [cell for cell in example.cells
                     if cell.metadata.get("nbgrader", {}).get("grade_id") in ("q2", "q2-check")]
    for folder in ("source/ps1", "submitted/lovelaceada_101/ps1"):
        (here / "course" / folder).mkdir(parents=True)
        write(example, here / "course" / folder / "one.ipynb")
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks: run(f"set -e\n{uncaged(block)}", here, environment=warm())
    assert (len(blocks) == 7 and "101,ada,95" in (here / "gradebook.csv").read_text()
            and (here / "course-backup.tar.gz").stat().st_size)
    assert "hopper_102,absent" in run("capstone grade course --csv -"
                                      + ("" if shutil.which("bwrap") else " --no-sandbox"), here, environment=warm())


MODELS = """import numpy as np
W = np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)
def small(): return lambda x: x.reshape(len(x), -1) @ W
def large(): return lambda x: x.reshape(len(x), -1).astype(np.float64) @ W.astype(np.float64)
"""


@pytest.mark.long
def test_every_command_of_the_results_page(tmp_path):
    """The fenced lines of docs/results.md in a repository with a model and the library;
    a tracker only where it is installed."""
    import numpy as np
    shutil.copytree(ROOT / "tinytorch", tmp_path / "tinytorch", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models.py").write_text(MODELS)
    np.savez(tmp_path / "mine.npz", X=np.random.default_rng(0).normal(size=(50, 8, 8)), y=np.arange(50) % 10)
    git = "git -c user.name=t -c user.email=t@example.org"
    run(f"git init -qb main && git add -A && {git} commit -qm one && {git} commit -qm two --allow-empty", tmp_path)
    (tmp_path / "submissions").mkdir()
    run("capstone bench models:small --against models:large -o submission.json && cp submission.json submissions/ && "
        "cp submission.json main.json " "&& cp submission.json branch.json", tmp_path)
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "results.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("capstone")]
    for line in lines:
        missing = not shutil.which("mlflow" if "--mlflow" in line else "wandb", path=Path(sys.executable).parent)
        run(line, tmp_path, status=(3,) if "capstone log" in line and missing else (0, 2) if "gate" in line else (0,))
    assert len(lines) == 9 and (tmp_path / "board.html").is_file() and (tmp_path / "small.json").is_file()


def test_student_commands(evening, tmp_path):
    folder = shutil.copytree(evening.parent / "capstone", tmp_path / "student")
    run(f"{sys.executable} -m zipfile -e binder/*.whl {tmp_path}/wheel", folder)
    said = {command: run(command, folder, status=(0, 1), PYTHONPATH=f"{tmp_path}/wheel")
            for command in commands("Students")}
    assert re.search(r"total +0 of 100", said["capstone check"]), said["capstone check"]
    assert (folder / "tinytorch" / "olympics.py").is_file()


def test_comparison(tmp_path):
    subprocess.run([sys.executable, "-c", example()], cwd=tmp_path, check=True, capture_output=True)
    for name in ("main.json", "branch.json"):
        shutil.copy(tmp_path / "submission.json", tmp_path / name)
    (tmp_path / "submissions").mkdir()
    shutil.copy(tmp_path / "main.json", tmp_path / "submissions")
    # bench and gate want models and revisions: test_gate.py has them; log: test_track.py
    for command in commands("Library"):
        if command.startswith(("capstone compare", "capstone board")): run(command, tmp_path)


@pytest.mark.long
def test_library_install(clone, tmp_path):
    run(f"{sys.executable} -m venv {tmp_path}/venv", tmp_path)
    for command in commands("Library"):
        if command.startswith("pip"):
            run(f"{tmp_path}/venv/bin/{command}", clone)
    done = subprocess.run([tmp_path / "venv" / "bin" / "python", "-c", example()], cwd=tmp_path, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
