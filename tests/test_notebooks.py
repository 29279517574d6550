"""The notebooks run top to bottom, are stored clean with their nbgrader metadata, and the package is their export."""
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

CAPSTONE = ROOT / "20_capstone.ipynb"
NOTEBOOKS = [CAPSTONE, *sorted((ROOT / "src" / "modules").glob("*.ipynb"))]


def graded(notebook):
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if cell.metadata.get("nbgrader")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_top_to_bottom(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_clean(path, tmp_path):
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    shutil.copy(ROOT / "settings.ini", tmp_path)
    subprocess.run([sys.executable, "-c", "from nbdev.clean import nbdev_clean; import sys; nbdev_clean(sys.argv[1])", str(copy)],
                   check=True, cwd=tmp_path)
    assert json.loads(copy.read_text(encoding="utf-8")) == json.loads(path.read_text(encoding="utf-8")), f"run nbdev_clean on {path.name}"


def test_points_and_metadata():
    notebook = nbformat.read(CAPSTONE, as_version=4)
    nbformat.validate(notebook)
    cells = graded(notebook)
    assert sum(cell.metadata.nbgrader.get("points", 0) for cell in cells.values()) == 100
    assert cells["reflection"].metadata.nbgrader.points == 5
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for name, cell in cells.items():
        meta = cell.metadata.nbgrader
        assert meta.schema_version == 3
        if meta.solution:
            assert "### BEGIN SOLUTION" in cell.source, f"{name}: a solution cell without markers is replaced whole"
        if meta.grade and not meta.solution:
            assert "### BEGIN HIDDEN TESTS" in cell.source, f"{name}: no hidden tests"
            assert "demo" not in cell.metadata.get("tags", []), f"{name}: graded cells are no demo"


def test_markers_only_where_nbgrader_looks():
    for cell in nbformat.read(CAPSTONE, as_version=4).cells:
        if "BEGIN SOLUTION" in cell.source or "BEGIN HIDDEN TESTS" in cell.source:
            assert cell.metadata.get("nbgrader"), f"cell {cell.id}: markers without nbgrader metadata"


def test_export_is_fresh(tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".venv*", "_build", "_course", ".git", "__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    subprocess.run([sys.executable, "src/scripts/export.py"], cwd=tree, check=True, env=environment)
    for path in sorted((ROOT / "tinytorch").rglob("*")):
        if path.suffix in (".py", ".json"):
            assert (tree / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), f"{path.name} is stale: make export"
    made = {path.relative_to(tree) for path in (tree / "tinytorch").rglob("*.py")}
    assert made == {path.relative_to(ROOT) for path in (ROOT / "tinytorch").rglob("*.py")}


def test_exported_names_are_the_public_ones():
    import tinytorch.olympics as olympics

    assert olympics.__all__ == ["SimpleMLP", "BenchmarkReport", "generate_submission", "save_submission",
                                "validate_submission_schema", "OlympicEvent", "qualifies_event"]
    text = (ROOT / "tinytorch" / "olympics.py").read_text(encoding="utf-8")
    assert "SOLUTION" not in text and "tinytorch_grader" not in text
