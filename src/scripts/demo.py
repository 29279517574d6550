"""`make demo`: the whole way on real input. Execute, release, grade sample submissions, print the grades."""
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tinytorch_grader.mistakes import FOLDER, read
from tinytorch_grader.notebook import CHECKS

ROOT = Path(__file__).resolve().parents[2]
BUILD, COURSE = ROOT / "_build", ROOT / "_build" / "course"
OURS = COURSE / ".made_by_demo"   # without it a course is somebody's and is not touched
NOTEBOOK = ROOT / "20_capstone.ipynb"
ASSIGNMENT = "20_capstone"

# Three plausible students: the mistake of tests/mistakes that each of them made.
STUDENTS = {"bob-seconds": "part2-timing/seconds", "cleo-upside-down": "part3-improvements/speedup_upside_down",
            "dan-percent": "part4-range/range_percent"}


def step(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def execute():
    "Run the capstone top to bottom in `_build/` and leave notebook, HTML and submission there."
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    total = len(notebook.cells)

    def progress(cell, cell_index):
        if sys.stderr.isatty():
            print(f"\r  cell {cell_index + 1} of {total}", end="", file=sys.stderr, flush=True)

    shutil.copy(ROOT / CHECKS, BUILD)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(BUILD)}},
                   extra_arguments=["--log-level=ERROR"], on_cell_start=progress).execute()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    errors = [output.evalue for cell in notebook.cells for output in cell.get("outputs", ())
              if output.output_type == "error"]
    # cells go on after an error: see the tag raises-exception
    if errors: raise SystemExit(f"the capstone does not run: {errors[0]}")
    nbformat.write(notebook, BUILD / "20_capstone.ipynb")
    html, _ = HTMLExporter().from_notebook_node(notebook)
    (BUILD / "20_capstone.html").write_text(html, encoding="utf-8")
    return json.loads((BUILD / "submission.json").read_text(encoding="utf-8"))


def with_mistake(name):
    "The reference notebook with a known mistake in one solution cell, as a student might have written it."
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebook.cells}
    wrong = read(FOLDER / f"{name}.diff", {grade_id: cell.source for grade_id, cell in cells.items()})
    cells[wrong.cell].source = wrong.cells[wrong.cell]
    return nbformat.writes(notebook)


def sample_submissions():
    "Student name -> text of the notebook handed in."
    return {
        "ada-reference": NOTEBOOK.read_text(encoding="utf-8"),
        "eve-untouched": (COURSE / "release" / ASSIGNMENT / "20_capstone.ipynb").read_text(encoding="utf-8"),
        "fay-broken-file": NOTEBOOK.read_text(encoding="utf-8")[:5000],
        **{student: with_mistake(name) for student, name in STUDENTS.items()},
    }


def capstone(*words):
    "Run the `capstone` command; its output goes where ours goes."
    return subprocess.run([sys.executable, "-m", "tinytorch_grader", *map(str, words)], cwd=ROOT).returncode


def make_course():
    "A new course in COURSE, in place of an earlier demo's alone."
    if COURSE.exists() and not OURS.exists():
        sys.exit(f"{COURSE}: is a course that make demo did not make; move it first")
    shutil.rmtree(COURSE, ignore_errors=True)
    COURSE.mkdir()
    OURS.touch()
    if status := capstone("course", COURSE):
        sys.exit(status)


def main():
    started = time.perf_counter()
    BUILD.mkdir(exist_ok=True)
    step("exporting the notebooks to tinytorch/")
    subprocess.run([sys.executable, ROOT / "src" / "scripts" / "export.py"], check=True, cwd=ROOT)
    step("executing the capstone on the real digits (trains, optimizes, compares)")
    submission = execute()
    before, after = submission["baseline"]["metrics"], submission["optimized"]["metrics"]
    print(f"  accuracy {before['accuracy']:.3f} -> {after['accuracy']:.3f}, size "
          f"{before['model_size_mb'] * 1024:.1f} -> "
          f"{after['model_size_mb'] * 1024:.1f} KiB, median latency {before['latency_ms_median'] * 1e3:.1f} -> "
          f"{after['latency_ms_median'] * 1e3:.1f} us")
    step("making the course in _build/course/ and releasing the assignment")
    make_course()
    for student, text in sample_submissions().items():
        folder = COURSE / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / "20_capstone.ipynb").write_text(text, encoding="utf-8")
    step("grading six sample submissions")
    cage = [] if shutil.which("bwrap") else ["--no-sandbox"]
    if cage:
        print("  bubblewrap is not installed (make system): these samples are our own, so they are graded with "
              "--no-sandbox")
    status = capstone("grade", COURSE, *cage, "--json", BUILD / "grades.json", "--csv", BUILD / "grades.csv")
    if status == 2:
        sys.exit(status)
    step(f"done in {time.perf_counter() - started:.0f} s. Executed notebook: _build/20_capstone.html; submission: "
         "_build/submission.json; "
         "grades: _build/grades.csv, _build/grades.json; course: _build/course/")


if __name__ == "__main__":
    main()
