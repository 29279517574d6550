"""Courses and student repositories, made from the one notebook that holds the answers.

Threat: an answer, a hidden test or an instructor's file reaches a student in any form. `leaks` reads back what was
written, the version history included, and `release` refuses to hand over a repository in which it finds one.
"""
import base64
import contextlib
import gzip
import hashlib
import io
import json
import pprint
import re
import shutil
import subprocess
import tempfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

from .gradebook import (  # nbformat without a grammar that takes a second
    Gradebook,
    advice,
    course_directory,
    legible,
    nbformat,
    put,
    tables,
)
from .notebook import CHECKS, problems, regions
from .seal import seal, unseal

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "20_capstone"
NOTEBOOK = f"{ASSIGNMENT}.ipynb"
TOTAL = 100   # points of the capstone

COURSE_CONFIG = '''# This nbgrader course. `capstone course` writes the file once and never changes it: the settings \
are yours.
import os

c = get_config()
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "tinytorch"
c.ExecutePreprocessor.timeout = 120

# Formgrader's buttons and nbgrader's commands of these names go through the cage, and show no hidden test.
c.Autograde.exporter_class = "tinytorch_grader.formgrader.Caged"
c.GenerateFeedback.exporter_class = "tinytorch_grader.formgrader.SafePage"
'''


class ReleaseError(RuntimeError):
    "A course or a student repository could not be made; the message is one line."


def source_notebook():
    "The trusted notebook of this checkout; `ReleaseError` where there is none."
    path = ROOT / NOTEBOOK
    if not path.is_file():
        raise ReleaseError(f"{path}: not found; courses and releases are made in a checkout of the instructors' "
                           "repository")
    return path


def outside_export(folder):
    "`folder`, resolved; `ReleaseError` where nbdev would take its notebooks for the source and export them."
    folder = Path(folder).resolve()
    inside = folder.relative_to(ROOT).parts if folder.is_relative_to(ROOT) else None
    if inside is not None and not any(part.startswith(("_", ".")) for part in inside):
        raise ReleaseError(f"{folder}: lies inside the checkout, where nbdev would export its notebooks; choose a "
                           "folder outside, "
                           "or one whose name starts with _")
    return folder


def generate(course, assignment=ASSIGNMENT):
    """Run nbgrader's generate_assignment in `course`; `ReleaseError` with its last words when it fails, and release/ is
    as before."""
    from nbgrader.apps.api import capture_log
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from sqlalchemy.exc import SQLAlchemyError

    _, config = course_directory(course)
    coursedir = CourseDirectory(config=config, root=str(course), assignment_id=assignment)
    app = GenerateAssignment(coursedir=coursedir, config=config)
    app.force = app.create_assignment = True
    released = Path(coursedir.format_path(coursedir.release_directory, ".", assignment))
    with tempfile.TemporaryDirectory(prefix=".release-", dir=course) as kept:
        if released.exists(): shutil.copytree(released, Path(kept, "release"))
        result = {"success": False}
        with contextlib.suppress(SQLAlchemyError, ImportError): tables(coursedir.db_url)   # nbgrader says what is wrong
        try: result = capture_log(app)
        finally:
            if not result["success"] and Path(kept, "release").exists():
                shutil.rmtree(released, ignore_errors=True)
                shutil.copytree(Path(kept, "release"), released)
    if not result["success"]:
        log = (result.get("log") or result.get("error") or "no message").strip()
        named = re.findall(r"^\s*[\w.]*(?:Error|Exception|Entry)\w*: .+", log, re.MULTILINE)
        said = (named or log.splitlines())[-1].strip()
        plain = re.sub(r"^[\w.]*(Error|Exception|Entry)\w*: (\([\w.]+\) )?", "", said)
        todo = f"; {advice(ReleaseError(), plain)}" if said.startswith("sqlalchemy") else ""
        raise ReleaseError(f"nbgrader could not generate the assignment: {plain}{todo}")


def place(folder):
    "The folder that a course is made or refreshed in, resolved; `ReleaseError` where it cannot hold one."
    folder = outside_export(legible(folder))
    if folder.exists() and not folder.is_dir():
        raise ReleaseError(f"{folder}: is a file, expected a folder for the course")
    if (folder.is_dir() and any(path.name[0] != "." for path in folder.iterdir())
        and not any((folder / name).exists() for name in ("nbgrader_config.py", "source"))):
        raise ReleaseError(f"{folder}: holds other things and no course; choose an empty folder")
    return folder


def make_course(folder, source=None):
    """Make or refresh the nbgrader course in `folder`; returns its path.

    `source`: the notebook, with the vocabulary of its tests beside it. A refresh renews source/ and release/ and
    leaves submitted/, autograded/, feedback/ and every grade alone; when nbgrader refuses it (cells were added or
    removed after submissions came in), source/ and release/ are as before.
    """
    total, source, folder = None if source else TOTAL, Path(source or source_notebook()), place(folder)
    if wrong := problems(json.loads(source.read_text(encoding="utf-8")), total):
        raise ReleaseError(f"{source}: {wrong[0]}")
    (folder / "source" / ASSIGNMENT).mkdir(parents=True, exist_ok=True)
    config, targets = folder / "nbgrader_config.py", [folder / "source" / ASSIGNMENT / name
                                                      for name in (NOTEBOOK, CHECKS)]
    if not config.exists():
        put(config, COURSE_CONFIG)
    before = {target: target.read_text(encoding="utf-8", errors="replace") for target in targets if target.exists()}
    for target, new in zip(targets, (source, source.with_name(CHECKS))):
        if new is source or new.is_file(): put(target, new.read_text(encoding="utf-8"))
    try: generate(folder)
    except BaseException:
        for target, old in before.items(): put(target, old)
        raise
    with Gradebook(folder) as book: book.keep_releases()
    return folder


def make_assignment(course, name, progress=lambda done, total: None):
    """Release another assignment of the nbgrader course `course`, source/NAME/, as `nbgrader generate_assignment` does,
    and look at its points and known mistakes; returns the course's path.

    ReleaseError, GradebookError."""
    from .mutants import of_assignment

    directory, _ = course_directory(course)
    source = Path(directory.format_path(directory.source_directory, ".", name))
    if not (paths := sorted(source.glob("*.ipynb"))):
        raise ReleaseError(f"{source}: no notebook there; expected the assignment's source, {name}/NOTEBOOK.ipynb")
    for path in paths:
        try: wrong = problems(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise ReleaseError(f"{path}: is no notebook; save it in Jupyter again") from None
        if wrong: raise ReleaseError(f"{path}: {wrong[0]}")
    generate(directory.root, name)
    with Gradebook(course, assignment=name) as book:
        for path in paths:
            if problem := of_assignment(book, path.stem, path, book.files(), progress):
                raise ReleaseError(f"{path}: {problem}")
        book.keep_releases()
    return Path(directory.root)


# ---- the student's repository

GRADER_PART = ("__init__.py", "__main__.py", "cli.py", "cli_results.py", "console.py", "check.py", "intake.py",
               "judge.py", "notebook.py", "seal.py", "visible.py",
               *(f"cage/{name}.py" for name in ("__init__", "bare", "forks", "outcome", "watch")),
               *(f"exam/{name}.py" for name in ("__init__", "cells", "examiner", "forks", "line", "start",
                                                 "student")))

SETTINGS = '''[DEFAULT]
# What `nbdev_export` reads when it writes your tinytorch/olympics.py.
lib_name = tinytorch
lib_path = tinytorch
nbs_path = .
recursive = False
version = {version}
min_python = {min_python}
user = {user}
repo = {repo}
branch = main
title = tinytorch
description = Your own tinytorch.olympics
author = you
author_email = you@example.org
copyright = you
keywords = benchmark
language = English
license = apache2
status = 3
audience = Developers
git_url =
doc_host =
doc_baseurl =
doc_path = _docs
custom_sidebar = False
black_formatting = False
update_pyproject = False
put_version_in_init = False
jupyter_hooks = False
clean_ids = False
allowed_cell_metadata_keys = nbgrader deletable editable tags jupyter
'''

README = '''# TinyTorch, module 20: the capstone

{badge}

Open `20_capstone.ipynb`, read it, fill in the cells marked *Your turn*, and run the check below each. You build the
instrument that measures a model, point it at a network trained on real digits, and write `submission.json`.

```
capstone check     # points for each part, with a hint where some are missing
nbdev_export       # writes your own tinytorch/olympics.py
```

A Binder session is temporary and stops after about ten idle minutes. *Download* in the toolbar saves the notebook even
then; the cloud buttons beside it keep a copy in your browser and restore it. Download `submission.json` from the file
list.

## On your own computer

You need Python 3.11 to 3.13. In this folder, preferably in a virtual environment:

```
pip install -r binder/requirements.txt binder/{wheel}
jupyter lab 20_capstone.ipynb
```

Set `TINYTORCH_PATH=FOLDER`, and the notebook and `capstone check` use your own `tinytorch` package in FOLDER instead of
the one here.

## What `capstone check` tells you

{checks}

## Licences

The notebook, `tinytorch/` and `capstone check`: Apache-2.0, see `LICENSE`.

`tinytorch/data/digits.npz`: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning
Repository (1998), doi 10.24432/C50P49, [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), stored as uint8 with
a fixed split.

`tinytorch/data/genesis.npz`: King James Version, public domain.

What you write is yours.
'''

SEALED = '''It runs the hidden checks too, and names the part, the points and a hint, but never the test. The hidden
checks travel in the wheel under a courtesy seal, which keeps you from reading them by accident; it is not a lock.
Your grade comes from the instructor's run, with fresh random inputs: what passes here because it is right passes
there too.'''
UNSEALED = '''It runs the checks that you see in the notebook. Hidden checks do not travel with this repository: your
grade comes from the instructor's run, which has more of them.'''


GITIGNORE = '''tinytorch/olympics.py
submission.json
my_work.zip
mlflow.db
mlruns/
.ipynb_checkpoints/
__pycache__/
_*/
!tinytorch/_modidx.py
.venv/
'''

POST_BUILD = '''#!/bin/bash
# Binder runs this once, after requirements.txt: the student's part of the grader, which `capstone check` needs.
set -euo pipefail
python -m pip install --no-cache-dir --no-deps --quiet binder/{wheel}
# of nbgrader's parts a student needs the Validate button alone; and no question about news before the notebook
jupyter server extension disable --sys-prefix nbgrader.server_extensions.{{formgrader,assignment_list,course_list}} \
>/dev/null 2>&1
jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements \\
  @jupyter/nbgrader:{{formgrader,assignment-list,course-list,create-assignment,menu}} >/dev/null 2>&1
'''


def settings():
    "The values of this checkout's settings.ini."
    config = ConfigParser(delimiters=["="], interpolation=None)
    config.read(ROOT / "settings.ini", encoding="utf-8")
    return config["DEFAULT"]


def without_solutions(source, released):
    "The trusted notebook for `capstone check`: the released cells, and the tests with their hidden lines."
    notebook = nbformat.from_dict(json.loads(json.dumps(released)))
    tests = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells
             if cell.metadata.get("nbgrader", {}).get("grade") and not cell.metadata.nbgrader.solution}
    for cell in notebook.cells:
        cell.source = tests.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    return notebook


def wheel(folder, sealed, version):
    """Write the student's part of the grader as a wheel into `folder`, the same bytes each time; returns its path.

    What is in it is part of its version, or pip would keep the checks of an earlier release. Its import package has
    a name of its own: beside the instructors' installation no package belongs to two distributions."""
    files = {f"tinytorch_check/{file}": (Path(__file__).parent / file).read_bytes() for file in GRADER_PART}
    files["tinytorch_check/data/checks.sealed"] = sealed
    version += "+c" + hashlib.sha256(b"".join(files.values())).hexdigest()[:8]
    name = f"tinytorch_check-{version}"
    info = f"{name}.dist-info"
    files[f"{info}/METADATA"] = (f"Metadata-Version: 2.1\nName: tinytorch-check\nVersion: {version}\nSummary: capstone "
                                 "check\n"
                                 "License: Apache-2.0\nRequires-Python: >=3.11\nRequires-Dist: numpy\nRequires-Dist: "
                                 "click\n"
                                 "Requires-Dist: nbformat\n").encode()
    files[f"{info}/WHEEL"] = (b"Wheel-Version: 1.0\nGenerator: capstone release\nRoot-Is-Purelib: true\nTag: "
                              b"py3-none-any\n")
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\ncapstone = tinytorch_check.__main__:main\n"
    hashes = {path: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
              for path, data in files.items()}
    files[f"{info}/RECORD"] = "".join([*(f"{path},sha256={hashes[path]},{len(data)}\n" for path, data in files.items()),
                                       f"{info}/RECORD,,\n"]).encode()
    path = Path(folder) / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, data in files.items():
            archive.writestr(zipfile.ZipInfo(file, date_time=(2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return path


def module_index():
    "nbdev's `_modidx.py` without `tinytorch.olympics`."
    scope = {}
    exec((ROOT / "tinytorch" / "_modidx.py").read_text(encoding="utf-8"), scope)
    scope["d"]["syms"].pop("tinytorch.olympics", None)
    return "# Autogenerated by nbdev\n\nd = " + pprint.pformat(scope["d"], width=140, indent=2, compact=True) + "\n"


def write_package(folder):
    "Copy the framework without `olympics` into `folder`: source and data, no caches."
    for path in sorted((ROOT / "tinytorch").rglob("*")):
        if path.suffix in (".py", ".npz", ".json") and path.name != "olympics.py" and "__pycache__" not in path.parts:
            target = folder / path.relative_to(ROOT / "tinytorch")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    (folder / "_modidx.py").write_text(module_index(), encoding="utf-8")


def write_repository(out, repo, hidden_checks):
    "Write every file of the student's repository into the empty folder `out`."
    source = nbformat.read(source_notebook(), as_version=4)
    with tempfile.TemporaryDirectory() as scratch:
        course = make_course(Path(scratch) / "course")
        for name in (NOTEBOOK, CHECKS): shutil.copyfile(course / "release" / ASSIGNMENT / name, out / name)
    released = nbformat.read(out / NOTEBOOK, as_version=4)
    write_package(out / "tinytorch")
    (out / "binder").mkdir()
    for name in ("runtime.txt", "requirements.txt"):
        shutil.copyfile(ROOT / "binder" / name, out / "binder" / name)
    shutil.copyfile(ROOT / "LICENSE", out / "LICENSE")
    checks = (without_solutions(source, released) if hidden_checks
              else nbformat.from_dict(json.loads(json.dumps(released))))
    checks.metadata["capstone_checks"] = (out / CHECKS).read_text(encoding="utf-8")
    built = wheel(out / "binder", seal(json.dumps({"hidden": hidden_checks, "notebook": checks})),
                  settings()["version"])
    user, name = repo.split("/") if repo else ("you", "capstone")
    badge = ("[![Binder](https://mybinder.org/badge_logo.svg)]"
             f"(https://mybinder.org/v2/gh/{repo}/HEAD?labpath={NOTEBOOK})" if repo
             else "This copy was released without `--repo ORG/NAME`, so it has no Binder badge.")
    texts = {
        "README.md": README.format(badge=badge, wheel=built.name, checks=SEALED if hidden_checks else UNSEALED),
        "settings.ini": SETTINGS.format(version=settings()["version"], min_python=settings()["min_python"], user=user,
                                        repo=name),
        ".gitignore": GITIGNORE,
        "binder/postBuild": POST_BUILD.format(wheel=built.name),
    }
    for file, text in texts.items():
        (out / file).write_text(text, encoding="utf-8")
    (out / "binder" / "postBuild").chmod(0o755)


# ---- the proof that nothing leaked

def compact(text):
    return "".join(text.split())


class Secrets:
    "What no student may meet, as text without white space; lines that the release shows anyway are none."
    def __init__(self, notebook):
        found, seen = regions(notebook)
        seen = compact("\n".join(seen))
        self.regions = [(kind, where, {line for line in map(compact, lines) if len(line) >= 10 and line not in seen})
                        for kind, where, lines in found]

    def in_text(self, text, least=1, kinds=None):
        "(kind, where) of each region with `least` of its lines in `text`, or all where it has fewer."
        text = compact(text)
        for kind, where, lines in self.regions:
            if lines and (kinds is None or kind in kinds):
                if sum(line in text for line in lines) >= min(least, len(lines)):
                    yield kind, where


def strings_in(value):
    "Every string in a JSON value, keys included."
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from strings_in(member)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from strings_in(member)


def texts_in(data, name):
    "Every text that a reader of the file `data` meets: as it is, the strings of its JSON, the members of an archive."
    if data[:2] == b"\x1f\x8b":
        yield from texts_in(gzip.decompress(data), name.removesuffix(".gz"))
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from texts_in(archive.read(member), f"{name}!{member}")
    elif name.endswith("checks.sealed"):
        yield name, "\n".join(strings_in(json.loads(unseal(data))))
    else:
        text = data.decode("utf-8", errors="replace")
        yield name, text
        try:
            yield name, "\n".join(strings_in(json.loads(text)))
        except ValueError:
            pass  # not JSON


def leaks_in(data, name, secrets):
    "One line for each secret in the file `data`."
    for member, text in texts_in(data, name):
        # one line of plain code can be the same by chance; two lines of the same answer cannot
        least = 2 if member.endswith((".py", "checks.sealed")) else 1
        kinds = {"SOLUTION", "MARK SCHEME"} if member.endswith("checks.sealed") else None
        for kind, where in secrets.in_text(text, least, kinds):
            yield f"{member}: holds {kind.lower()} lines of {where}"


def history(folder):
    "(name, bytes) of every blob and commit that the git repository of `folder` still keeps, reachable or not."
    if not (folder / ".git").exists():
        return
    git = ["git", "-C", str(folder)]
    run = lambda *words, **more: subprocess.run([*git, *words], check=True, capture_output=True, **more).stdout
    names = dict(line.split(" ", 1) for line in run("rev-list", "--all", "--objects", text=True).splitlines()
                 if " " in line)
    for line in run("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)",
                    text=True).splitlines():
        object_id, kind = line.split()
        if kind != "tree":
            yield names.get(object_id, f"unnamed {kind}"), run("cat-file", kind, object_id), object_id[:8]


FORBIDDEN = re.compile(r"(^|/)(olympics\.py|gradebook\.db|nbgrader_config\.py|mistakes|source|submitted|autograded"
                       r"|feedback|tests|src|"
                       r"__pycache__|\.ipynb_checkpoints|[^/]*\.pyc|[^/]*\.egg-info)(/|$)")


def leaks(folder, secrets, expected=None, renewed=()):
    """One line for each leak in the files of `folder` and in its version history.

    `expected`: the only files that may be there. `renewed`: files that are about to be written anew, which are not
    read."""
    folder, found = Path(folder), []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == ".git" or path.is_dir() and not path.is_symlink() or name in renewed:
            continue
        if path.is_symlink() or FORBIDDEN.search(name) or expected is not None and name not in expected:
            found.append(f"{name}: is no file of a student's repository")
        else:
            found.extend(leaks_in(path.read_bytes(), name, secrets))
    for name, data, object_id in history(folder):
        where = f"git history, {name} ({object_id})"
        if FORBIDDEN.search(name):
            found.append(f"{where}: is no file of a student's repository")
        found.extend(line.replace(name, where, 1) for line in leaks_in(data, name, secrets))
    return list(dict.fromkeys(found))


def refuse(found, what):
    if found:
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise ReleaseError(f"{what}: nothing is released, it would leak: {'; '.join(found[:3])}{more}")


def badge_of(out):
    "ORG/NAME in the Binder badge of the release in `out`, or None."
    try:
        found = re.search(r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/",
                          (out / "README.md").read_text(encoding="utf-8", errors="replace"))
    except OSError: return None
    return found and found[1]


def release(out, repo=None, hidden_checks=True, progress=lambda done, total: None):
    """Write the student's repository into `out`, proved free of leaks; returns its path.

    `out` is new, empty, or a release from before, whose files are renewed. Files of the course's own beside them (a
    syllabus, `.github/`) are searched and left alone; the git history is searched too. `repo`: ORG/NAME, for the
    Binder badge; default: that of the release before. `progress`: called with the steps done and their number.
    `ReleaseError` when a leak is found; then `out` is as before.
    """
    out = outside_export(out)
    if repo is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise ReleaseError(f"--repo: got {repo!r}, expected ORG/NAME as in github.com/ORG/NAME")
    if out.exists() and not out.is_dir():
        raise ReleaseError(f"{out}: is a file, expected a folder")
    repo = repo or badge_of(out)
    progress(0, 3)
    secrets = Secrets(nbformat.read(source_notebook(), as_version=4))
    with tempfile.TemporaryDirectory() as scratch:
        new = Path(scratch) / "repository"
        new.mkdir()
        write_repository(new, repo, hidden_checks)
        progress(1, 3)
        files = {path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()}
        refuse(leaks(new, secrets, files), out)
        progress(2, 3)
        if out.is_dir():
            if (any(out.iterdir()) and not (out / "settings.ini").exists() and not (out / NOTEBOOK).exists()
                and not (out / ".git").exists()):
                raise ReleaseError(f"{out}: holds other things and no release; choose an empty folder, or the "
                                   "repository of an earlier release")
            for name in ("tinytorch", "binder"):  # a release before owns these whole
                if out.joinpath("settings.ini").exists() and out.joinpath(NOTEBOOK).exists():
                    files |= {path.relative_to(out).as_posix() for path in (out / name).rglob("*")}
            refuse(leaks(out, secrets, renewed=files), out)
        for name in ("tinytorch", "binder"):
            shutil.rmtree(out / name, ignore_errors=True)
        shutil.copytree(new, out, dirs_exist_ok=True)
        progress(3, 3)
    return out
