"""The notebooks run top to bottom, are stored clean with their nbgrader metadata, and the package is their export."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

from tinytorch_grader.notebook import CHECKS

CAPSTONE = ROOT / "20_capstone.ipynb"
NOTEBOOKS = [CAPSTONE, *sorted((ROOT / "src" / "modules").glob("*.ipynb"))]
MILESTONES = sorted((ROOT / "src" / "milestones").glob("*.ipynb"))  # lessons that use the package and export nothing


def graded(notebook):
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if cell.metadata.get("nbgrader")}


@pytest.mark.parametrize("path", NOTEBOOKS + MILESTONES, ids=lambda path: path.stem)
def test_runs_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MILESTONES", "small")
    notebook = nbformat.read(path, as_version=4)
    if path == CAPSTONE: shutil.copy(ROOT / CHECKS, tmp_path)
    NotebookClient(notebook, timeout=300, kernel_name="python3",
                   resources={"metadata": {"path": str(tmp_path)}}).execute()
    errors = [output.evalue for cell in notebook.cells for output in cell.get("outputs", ())
              if output.output_type == "error"]
    # the tag raises-exception lets a half-finished notebook go on; the reference has nothing to go on from
    assert errors == []


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    "A folder with a copy of every notebook, cleaned by nbdev."
    folder = tmp_path_factory.mktemp("cleaned")
    for path in (ROOT / "settings.ini", *NOTEBOOKS, *MILESTONES): shutil.copy(path, folder)
    subprocess.run([sys.executable, "-c", "from nbdev.clean import nbdev_clean; nbdev_clean('.')"],
                   check=True, cwd=folder)
    return folder


@pytest.mark.parametrize("path", NOTEBOOKS + MILESTONES, ids=lambda path: path.stem)
def test_stored_clean(path, cleaned):
    assert (json.loads((cleaned / path.name).read_text(encoding="utf-8"))
            == json.loads(path.read_text(encoding="utf-8"))), f"run nbdev_clean on {path.name}"


def test_points_and_metadata():
    notebook = nbformat.read(CAPSTONE, as_version=4)
    nbformat.validate(notebook)
    cells = graded(notebook)
    assert sum(cell.metadata.nbgrader.get("points", 0) for cell in cells.values()) == 100
    parts = {}
    for name, cell in cells.items():
        part = name.partition("-")[0] if name.startswith("part") else "questions"
        parts[part] = parts.get(part, 0) + cell.metadata.nbgrader.get("points", 0)
    assert parts == {"part1": 10, "part2": 35, "part3": 20, "part4": 15, "part4b": 5, "part5": 5, "questions": 10}
    timing = {name: cell.metadata.nbgrader.points for name, cell in cells.items()
              if name.startswith("part2") and cell.metadata.nbgrader.grade}
    assert [sum(points for name, points in timing.items() if kind in name) for kind in ("timing", "report")] == [15, 10]
    assert cells["reflection"].metadata.nbgrader.points == 5
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if cell.metadata.get("nbgrader")]
    assert len(set(ids)) == len(ids), f"twice: {sorted(name for name in set(ids) if ids.count(name) > 1)}"
    for name, cell in cells.items():
        meta = cell.metadata.nbgrader
        assert meta.schema_version == 3
        if meta.solution:
            assert "### BEGIN SOLUTION" in cell.source, f"{name}: a solution cell without markers is replaced whole"
            inside = [region.split("### END SOLUTION")[0] for region in cell.source.split("### BEGIN SOLUTION")[1:]]
            assert not any("#|" in region for region in inside), f"{name}: a directive in the solution goes with it"
        if meta.grade and not meta.solution:
            assert "### BEGIN HIDDEN TESTS" in cell.source, f"{name}: no hidden tests"
            assert "demo" not in cell.metadata.get("tags", []), f"{name}: graded cells are no demo"


def test_markers_only_where_nbgrader_looks():
    for cell in nbformat.read(CAPSTONE, as_version=4).cells:
        if "BEGIN SOLUTION" in cell.source or "BEGIN HIDDEN TESTS" in cell.source:
            assert cell.metadata.get("nbgrader"), f"cell {cell.id}: markers without nbgrader metadata"


def seen_by_nbdev():
    "Every notebook of the checkout that `nbdev_export` would take for a source."
    for path in ROOT.rglob("*.ipynb"):
        if not any(part.startswith(("_", ".")) for part in path.relative_to(ROOT).parts):
            yield path


def test_no_students_notebook_where_nbdev_would_export_it():
    stray = set(seen_by_nbdev()) - set(NOTEBOOKS + MILESTONES)
    assert not stray, (f"{sorted(map(str, stray))} would be exported over tinytorch/; courses live outside the "
                       "checkout or in a folder that starts with _")


def test_each_module_has_one_source():
    exported = [line.split()[2] for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells
                for line in cell.source.splitlines() if line.startswith("#| default_exp")]
    assert len(exported) == len(NOTEBOOKS) == len(set(exported)), exported


@pytest.mark.parametrize("path", MILESTONES, ids=lambda path: path.stem)
def test_milestones_measure_with_what_the_student_exported(path):
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "#| default_exp" not in code and "#| export" not in code and '.get("MILESTONES") == "small"' in code
    used = ("BenchmarkReport(", "compare_latency(", "generate_submission(", "validate_submission_schema(")
    assert all(name in code for name in used) and "from tinytorch.olympics import" in code
    lines = sorted(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells
                   if cell.cell_type == "code")
    assert lines[len(lines) // 2] <= 8 and lines[int(0.9 * len(lines))] <= 20 and lines[-1] <= 40


def test_export_is_fresh(tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".venv*", "_build", "_course", ".git", "__pycache__"))
    # nbdev leaves it alone, as the course's folder starts with _
    handed_in = tree / "_course" / "submitted" / "ada" / "20_capstone"
    handed_in.mkdir(parents=True)
    (handed_in / "20_capstone.ipynb").write_text(CAPSTONE.read_text(encoding="utf-8").replace("np.std", "np.var"),
                                                 encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    subprocess.run([sys.executable, "src/scripts/export.py"], cwd=tree, check=True, env=environment)
    for path in sorted((ROOT / "tinytorch").rglob("*")):
        if path.suffix in (".py", ".json"):
            assert ((tree / path.relative_to(ROOT)).read_bytes()
                    == path.read_bytes()), f"{path.name} is stale: make export"
    made = {path.relative_to(tree) for path in (tree / "tinytorch").rglob("*.py")}
    assert made == {path.relative_to(ROOT) for path in (ROOT / "tinytorch").rglob("*.py")}


def test_exported_names_are_the_public_ones():
    import tinytorch.olympics as olympics

    assert olympics.__all__ == ["SimpleMLP", "BenchmarkReport", "generate_submission", "save_submission",
                                "validate_submission_schema", "OlympicEvent", "qualifies_event"]
    text = (ROOT / "tinytorch" / "olympics.py").read_text(encoding="utf-8")
    assert "SOLUTION" not in text and "tinytorch_grader" not in text


def test_rhythm():
    "Short cells, narrow lines, few words between them, nothing decorative (the lesson's own rules)."
    cells = nbformat.read(CAPSTONE, as_version=4).cells
    lines = sorted(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells
                   if cell.cell_type == "code")
    assert lines[len(lines) // 2] <= 8 and lines[int(0.9 * len(lines))] <= 20 and lines[-1] <= 40
    assert [line for cell in cells for line in cell.source.splitlines() if len(line) > 100] == []
    assert not any("\u2500" <= letter <= "\u27bf" or letter >= "\U0001f300" for cell in cells for letter in cell.source)


def test_given_cells_are_folded_and_say_what_is_in_them():
    for cell in nbformat.read(CAPSTONE, as_version=4).cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and meta.get("locked") and not meta.get("grade"):
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), meta.grade_id
            assert cell.source.lstrip("#| ").startswith("given: "), f"{meta.grade_id}: begins with {cell.source[:40]!r}"


def test_half_finished_work_runs_on():
    "Checks, answers and demos may fail; what is given must not."
    for cell in nbformat.read(CAPSTONE, as_version=4).cells:
        if cell.cell_type != "code": continue
        meta, tags = cell.metadata.get("nbgrader", {}), cell.metadata.get("tags", [])
        given = meta.get("locked") and not meta.get("grade")
        assert ("raises-exception" in tags) is not bool(given), meta.get("grade_id", cell.id)


def test_every_picture_has_its_words():
    """A plot says what it shows by `show(fig, alt)`, a diagram by its caption for screen readers and the paragraph
    below it."""
    cells = nbformat.read(CAPSTONE, as_version=4).cells
    drawn = [cell.source for cell in cells if "plt.subplots" in cell.source]
    assert len(drawn) >= 4 and all("show(fig, " in source for source in drawn)
    diagrams = [cell.source for cell in cells if "```mermaid" in cell.source]
    assert (len(diagrams) == 2
            and all(word in source for source in diagrams for word in ("accTitle: ", "accDescr: ", "In words: ")))


def test_every_question_has_room_for_an_answer():
    cells = [cell for cell in nbformat.read(CAPSTONE, as_version=4).cells if "**Question**:" in cell.source]
    assert len(cells) == 10
    for cell in cells:
        assert ("nbgrader" not in cell.metadata
                and cell.source.count("*Your answer:*") == cell.source.count("**Question**:") == 1), cell.source


def test_every_part_says_how_long_it_takes_and_what_comes_of_it():
    import re

    text = "\n\n".join(cell.source for cell in nbformat.read(CAPSTONE, as_version=4).cells
                       if cell.cell_type == "markdown")
    parts = re.split(r"^## (Part \w+)", text, flags=re.MULTILINE)[1:]
    assert parts[::2] == ["Part 1", "Part 2", "Part 3", "Part 4", "Part 4b", "Part 5"]
    for name, body in zip(parts[::2], parts[1::2]):
        assert re.search(r"^\*\d+ (minutes|hours)\. Afterwards .*Where\sa\scheck\sfails:\s", body,
                         re.MULTILINE | re.DOTALL), name
        assert "**Predict**" in body or "**Question**" in body, name


def mlflow_cells():
    "The source of the cells in which the lesson logs its submission."
    sources = [cell.source for cell in nbformat.read(CAPSTONE, as_version=4).cells if cell.cell_type == "code"]
    asks, logs = (next(source for source in sources if "import mlflow" in source),
                  next(source for source in sources if "def tracked(" in source))
    return asks, logs


def test_without_mlflow_the_lesson_says_in_one_line_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    asks, logs = mlflow_cells()
    exec(f"{asks}\n{logs}", {"submission": {}})
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "%pip install" in said and "mlflow" in said


@pytest.mark.long
@pytest.mark.skipif(not all(map(importlib.util.find_spec, ("mlflow", "alembic"))),
                    reason="MLflow is not installed: pip install '.[track]'")
def test_the_lesson_logs_both_reports_to_mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submission.json").write_text("{}")
    side = lambda ms: {"metrics": {"latency_ms_mean": ms, "num_runs": 100}, "provenance": {"num_samples": 355}}
    submission = {"system_info": {"platform": "Linux"}, "baseline": side(20.0),
                  "optimized": side(5.0) | {"techniques_applied": ["int8"]}}
    asks, logs = mlflow_cells()
    scope = {"submission": submission}
    exec(f"{asks}\n{logs}", scope)
    # the cell itself logged it once
    assert scope["tracked"](submission) == [("optimized", 5.0)] * 2 + [("baseline", 20.0)] * 2
    assert (tmp_path / "mlflow.db").is_file()


SHORT = {"recursion": ("def f(model, X, n): return f(model, X, n)", "RecursionError: maximum recursion depth exceeded"),
         "not written": ("def f(model, X, n):\n    raise NotImplementedError()",
                         "NotImplementedError: f is not written yet: fill in its cell"),
         "typo": ("def f(model, X, n): return model.foward(X)", "object has no attribute 'foward'"),
         "framework": ("from tinytorch.core.layers import Linear\ndef f(model, X, n): return Linear(99, 1)(X)",
                       "  tinytorch/core/layers.py, line "),
         "check": ("def f(model, X, n): return 1", "AssertionError: _time_calls: never called the model")}


def test_an_error_is_shown_in_the_students_own_lines():
    notebook = nbformat.v4.new_notebook()
    sources = ["from capstone_checks import *",
               *(f"{source}\n\n\ncheck_units(f, ms=4, num_runs=20)" for source, _ in SHORT.values())]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True,
                   resources={"metadata": {"path": str(ROOT)}}).execute()
    for cell, (_, said) in zip(notebook.cells[1:], SHORT.values()):
        shown = "\n".join(cell.outputs[0].traceback)
        assert said in shown and shown.count("\n") < 10 and "capstone_checks" not in shown, shown
