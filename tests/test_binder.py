"""Binder builds the students' repository, and from the instructors' repository the same: proved without Docker."""
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import as_binder
import pytest
from conftest import ROOT
from packaging.requirements import Requirement

REPO2DOCKER = Path(sys.executable).with_name("jupyter-repo2docker")
needs_repo2docker = pytest.mark.skipif(not REPO2DOCKER.exists(),
                                       reason="no repo2docker: pip install jupyter-repo2docker")


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    "name -> version of binder/requirements.txt, in two groups: what is asked for, what that needs."
    groups = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").split("\n\n")
    return [dict(line.split("==") for line in group.splitlines() if not line.startswith("#")) for group in groups]


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    from tinytorch_grader.release import release

    return release(tmp_path_factory.mktemp("released") / "student", "org/name")


@pytest.mark.skipif(sys.version_info < (3, 11),
                    reason="the students' environment is for Python 3.11 to 3.13; here packages bring backports, too")
def test_requirements_are_exact_and_whole():
    asked, needed = pins()
    assert (not set(asked) & set(needed)
            and all(re.fullmatch(r"[\w.]+", version) for version in (asked | needed).values()))
    todo, seen = [(name, "") for name in asked], set()
    while todo:
        name, extra = todo.pop()
        if (canonical(name), extra) in seen:
            continue
        seen.add((canonical(name), extra))
        assert canonical(name) in asked | needed, f"{name}: is installed with the students' environment, and has no pin"
        for requirement in map(Requirement, importlib.metadata.requires(name) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                todo += [(requirement.name, extra) for extra in requirement.extras or [""]]


@pytest.mark.long
def test_no_pin_is_yanked(tmp_path):
    "Asks the package index, by pip's own report of what it would install."
    report = tmp_path / "report.json"
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
                           "--no-deps", "--report", report, "--retries", "1", "--timeout", "10", "-r",
                           ROOT / "binder" / "requirements.txt"], capture_output=True, text=True)
    if done.returncode and re.search("connection|resolve|timed out|retries", done.stderr, re.IGNORECASE):
        pytest.skip(f"the package index does not answer: {done.stderr.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())["install"]
    names = {canonical(each["metadata"]["name"]) for each in found}
    assert names == {canonical(name) for group in pins() for name in group}
    assert not [each["metadata"]["name"] for each in found if each["is_yanked"]]


@needs_repo2docker
@pytest.mark.parametrize("which", ["student", "source"])
def test_repo2docker_finds_everything(which, student, tmp_path):
    folder = student if which == "student" else tmp_path / "source"
    if which == "source":
        shutil.copytree(ROOT / "binder", folder / "binder")
        shutil.copy(ROOT / "setup.py", folder)
    done = subprocess.run([REPO2DOCKER, "--no-build", "--debug", folder], capture_output=True, text=True, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    version = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert f"conda environment for python={version}" in said
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in said
    assert "RUN ./binder/postBuild" in said
    assert "ENV REPO_DIR=" in said, "binder/postBuild of the source asks for REPO_DIR"
    assert "pip install --no-cache-dir ." not in said, "the source would be installed with its answers"


def test_badge_opens_the_notebook(student):
    readme = (student / "README.md").read_text(encoding="utf-8")
    (address,) = re.findall(r"\(https://mybinder\.org/v2/gh/org/name/HEAD\?labpath=([^)]+)\)", readme)
    assert (student / address).is_file()


@pytest.fixture
def source(tmp_path):
    "The instructors' repository as repo2docker copies it, history included."
    folder = tmp_path / "source"
    shutil.copytree(ROOT, folder, ignore=lambda place, names: [
        name for name in names
        if name in (".git", ".venv", "__pycache__") or Path(place) == ROOT and name.startswith("_")])
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "-f", "."], ["commit", "-q", "-m", "source"]):
        subprocess.run([*git, *words], check=True)
    return folder


def post_build(folder, scratch, **more):
    "Run binder/postBuild of the source in `folder`, with stand-ins for pip and jupyter, which belong to the image."
    (scratch / "bin").mkdir()
    for name in ("home", "tmp"):
        (scratch / name).mkdir()
    ((scratch / "bin" / "python")
     .write_text(f'#!/bin/sh\n[ "$2" = pip ] && echo "$@" >{scratch}/pip || exec {sys.executable} "$@"\n'))
    (scratch / "bin" / "jupyter").write_text("#!/bin/sh\n")
    for script in (scratch / "bin").iterdir():
        script.chmod(0o755)
    environment = {"PATH": f"{scratch}/bin:/usr/bin:/bin", "HOME": str(scratch / "home"),
                   "TMPDIR": str(scratch / "tmp"), "LANG": "C.UTF-8", **more}
    return subprocess.run(["./binder/postBuild"], cwd=folder, env=environment, capture_output=True, text=True)


def test_source_becomes_the_students_repository(source, student, tmp_path):
    import nbformat

    from tinytorch_grader.release import Secrets, leaks

    done = post_build(source, tmp_path, REPO_DIR=str(source))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tinytorch_check" in (tmp_path / "pip").read_text(), "the wheel of the released repository is installed"
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert files == {path.relative_to(student).as_posix() for path in student.rglob("*") if path.is_file()}
    assert not (source / ".git").exists() and not (source / "src").exists()
    secrets = Secrets(nbformat.read(ROOT / "20_capstone.ipynb", as_version=4))
    assert leaks(source, secrets, files) == []
    left = [path for place in ("home", "tmp") for path in (tmp_path / place).rglob("*") if path.is_file()]
    assert ([path for path in left for _ in secrets.in_text(path.read_text(errors="replace"))]
            == []), "answers are left outside of the folder"
    assert not list((tmp_path / "tmp").iterdir()), "the scratch folder of the release is left"


@pytest.mark.parametrize("place", [None, "elsewhere"])
def test_a_checkout_is_safe(source, place, tmp_path):
    before = sorted(source.rglob("*"))
    done = post_build(source, tmp_path, **({"REPO_DIR": str(tmp_path)} if place else {}))
    assert done.returncode == 2 and "repo2docker" in done.stderr
    assert sorted(source.rglob("*")) == before


def test_a_failed_release_shows_nothing(source, tmp_path):
    (source / "20_capstone.ipynb").write_text("{}", encoding="utf-8")
    done = post_build(source, tmp_path, REPO_DIR=str(source))
    assert done.returncode != 0, "the image must not be built with the answers in it"


def test_the_released_notebook_becomes_a_page(student):
    "In this environment; with the pinned versions below."
    from nbconvert import HTMLExporter
    page, _ = HTMLExporter().from_filename(str(student / "20_capstone.ipynb"))
    assert "Your turn" in page and "BEGIN SOLUTION" not in page


@pytest.mark.long
def test_an_ordinary_user_builds_and_exports(student, capsys):
    with as_binder.built(student) as (folder, python, home, size):
        with capsys.disabled():
            print(f"\nstudents' environment: {size:.0f} MiB installed, {sum(map(len, pins()))} packages")
        path = f"{python.parent}:{os.defpath}"
        frozen = as_binder.run([python, "-m", "pip", "freeze", "--all"], folder, home, path)
        installed = {canonical(line.split("==")[0]): line.split("==")[1] for line in frozen.splitlines()
                     if "==" in line}
        asked, needed = pins()
        assert ({name: version for name, version in installed.items() if name not in ("pip", "tinytorch-grader")}
                == asked | needed)
        settings = json.loads((python.parents[1] / "etc" / "jupyter" / "labconfig" / "page_config.json").read_text())
        assert "@jupyterlab/apputils-extension:announcements" in settings["disabledExtensions"]
        told = re.search(r"# Of its (\d+) MiB", (folder / "binder" / "requirements.txt").read_text(encoding="utf-8"))
        assert size == pytest.approx(int(told[1]),
                                     rel=0.05), "binder/requirements.txt gives each part of the environment its reason"
        as_binder.run(["nbdev_export"], folder, home, path)
        assert (folder / "tinytorch" / "olympics.py").is_file()
        as_binder.run(["jupyter", "nbconvert", "--to", "html", "20_capstone.ipynb"], folder, home, path)
        assert "Your turn" in (folder / "20_capstone.html").read_text(encoding="utf-8")
        said = as_binder.run(["sh", "-c", "capstone check || test $? = 1"], folder, home, path)
        assert re.search(r"total +0 of 100", said), f"an untouched release scores nothing: {said}"
