"""`make docs`: the site in `_build/site`, from the pages in docs/, the notebooks and the docstrings.

No answer is on it: the lesson is the released one. The modules are executed, so that their outputs and plots are
there; with SITE_EXECUTE=off they are not, which is quicker. Opens from the disk, without a network.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from tinytorch import benchmarking
from tinytorch_grader.release import ASSIGNMENT, NOTEBOOK, make_course

ROOT = Path(__file__).resolve().parents[2]
PAGES, OUT = ROOT / "_build" / "site-pages", ROOT / "_build" / "site"


def lesson(target: Path) -> None:
    "Write the released lesson, without answers and hidden tests."
    with tempfile.TemporaryDirectory() as scratch:
        course = make_course(Path(scratch) / "course")
        shutil.copyfile(course / "release" / ASSIGNMENT / NOTEBOOK, target)


def notebooks(folder: Path, target: Path) -> None:
    "Copy the notebooks of `folder`; nbdev's directives stay in the source and leave the page."
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            cell.source = ("\n".join(line for line in lines if not line.startswith("#| ")) if cell.cell_type == "code"
                           else cell.source)
        notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
        target.mkdir(exist_ok=True)
        nbformat.write(notebook, target / path.name)


def modules(package: str) -> str:
    "A directive for every module of `tinytorch.PACKAGE`, without the names that tinytorch.benchmarking shows."
    names = [path.stem for path in sorted((ROOT / "tinytorch" / package).glob("*.py"))]
    # tinytorch.benchmarking has a place of its own
    names = [name for name in names if name not in ("__init__", "benchmarking")]
    shown = ", ".join(benchmarking.__all__)
    return "\n\n".join(f".. automodule:: tinytorch.{package}.{name}\n   :members:\n   :exclude-members: {shown}"
                       for name in names)


def gather() -> None:
    "Put everything that Sphinx reads into one folder."
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES)
    shutil.copyfile(ROOT / "settings.ini", PAGES / "settings.ini")
    shutil.copyfile(ROOT / "CHANGELOG.md", PAGES / "changelog.md")
    api = (PAGES / "api.md").read_text(encoding="utf-8")
    for package in ("core", "perf"): api = api.replace(f"MODULES_{package}", modules(package))
    (PAGES / "api.md").write_text(api, encoding="utf-8")
    lesson(PAGES / "lesson.ipynb")
    notebooks(ROOT / "src" / "modules", PAGES / "modules")
    notebooks(ROOT / "src" / "milestones", PAGES / "milestones")


def main() -> None:
    gather()
    execute = "off" if os.environ.get("SITE_EXECUTE") == "off" else "force"
    status = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-D",
                             f"nb_execution_mode={execute}", PAGES, OUT], cwd=ROOT).returncode
    if status: sys.exit(f"the site is not whole; see the warnings above (status {status})")
    print(f"site: {OUT / 'index.html'}")


if __name__ == "__main__":
    main()
