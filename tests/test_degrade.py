"""Optional modules that are missing cost no points, and the notebook says so in one line;
`TINYTORCH_PATH` chooses the framework."""
import json
import re
import shutil

import pytest
from conftest import ROOT
from run_capstone import ask

MODULES = {"14": ["tinytorch.perf.profiling"], "15": ["tinytorch.perf.quantization"],
           "16": ["tinytorch.perf.compression"], "17": ["tinytorch.perf.acceleration"],
           "18": ["tinytorch.perf.memoization"], "19": ["tinytorch.benchmarking", "tinytorch.perf.benchmarking"]}
TELLS = "14", "15", "16", "19"  # what the notebook uses itself, and says of in a line where it is missing
TECHNIQUES = {"15": "quantize_int8", "16": "magnitude_prune_50"}
CASES = [(), *((number,) for number in MODULES), ("14", "15"), ("15", "16"), ("14", "15", "16"), tuple(MODULES)]

WORKFLOW = """
from tinytorch.datasets import load_digits, load_digits_mlp
_, _, X_test, y_test = load_digits()
model = SimpleMLP(64, 32, 10)
for parameter, values in zip(model.parameters(), load_digits_mlp()): parameter.data = values
optimized, techniques = optimize_model(model, tools)
result = run_workflow(model, optimized, X_test, y_test, "submission.json", "Ada", techniques,
                      num_runs=40, compare=lambda *models: paired(*models, pairs=10))
validate_submission_schema(result)
"""


def full_points(answer):
    "No cell failed, and every automatic point is there."
    assert [(cell["id"], cell["error"]) for cell in answer["cells"] if cell["error"]] == []
    return sum(cell["points"] for cell in answer["cells"]) == 95


def lines(answer): return "".join(cell["out"] for cell in answer["cells"] if not cell["demo"]).splitlines()


@pytest.mark.parametrize("blocked", CASES, ids=lambda blocked: "+".join(blocked) or "none")
def test_full_points_and_one_line_for_each_missing_module(blocked, tmp_path):
    answer = ask(tmp_path, block=[name for number in blocked for name in MODULES[number]], then=WORKFLOW)
    assert full_points(answer)
    # ours stand on the forward pass that 14 records
    if "14" in blocked: blocked = tuple(sorted({*blocked, "15", "16"}))
    first, *more = lines(answer)
    assert first.endswith(f"optional modules missing: {', '.join(sorted(blocked)) or 'none'}")
    told = [match[1] for line in more if (match := re.match(r"module (\d+): ", line))]
    assert sorted(told) == sorted(set(blocked) & set(TELLS))
    assert ("nothing to optimize with" in "\n".join(more)) == ({"15", "16"} <= set(blocked))

    assert answer["error"] is None
    submission = answer["result"]
    expected = [TECHNIQUES[number] for number in ("16", "15") if number not in blocked]
    assert submission.get("optimized", {}).get("techniques_applied", []) == expected
    assert ("optimized" in submission) == ("improvements" in submission) == bool(expected)
    assert ("comparison" in submission.get("improvements", {})) == bool(expected)
    assert submission["baseline"]["metrics"]["accuracy"] >= 0.95
    if "comparison" in submission.get("improvements", {}):
        comparison = submission["improvements"]["comparison"]
        assert (comparison["protocol"]["clock"] == "perf_counter_ns" and comparison["protocol"]["footing"] == "copies"
                and comparison["pairs"] == 10)
        assert (("module 19 is missing: compared by the small form of module 20" in comparison["warnings"])
                == ("19" in blocked))
    assert json.loads((tmp_path / "submission.json").read_text(encoding="utf-8")) == submission


@pytest.mark.parametrize("blocked", [tuple(MODULES), *(pytest.param((number,), marks=pytest.mark.long)
                                                       for number in TELLS)], ids=lambda blocked: "+".join(blocked))
def test_demonstrations_degrade_too(blocked, tmp_path):
    answer = ask(tmp_path, block=[name for number in blocked for name in MODULES[number]], demo=True)
    assert full_points(answer)
    submission = json.loads((tmp_path / "submission.json").read_text(encoding="utf-8"))
    assert ("optimized" in submission) == (not {"15", "16"} <= set(blocked))
    assert submission["baseline"]["metrics"]["accuracy"] >= 0.92


def test_no_optional_package_at_all(tmp_path):
    assert full_points(ask(tmp_path, block=["tinytorch.perf", "tinytorch.benchmarking"]))


@pytest.fixture
def other(tmp_path):
    "A copy of the framework that says it is version 9.9.9, without module 16."
    package = tmp_path / "mine" / "tinytorch"
    shutil.copytree(ROOT / "tinytorch", package, ignore=shutil.ignore_patterns("__pycache__", "compression.py"))
    init = package / "__init__.py"
    init.write_text(re.sub(r'__version__ = "[^"]+"', '__version__ = "9.9.9"', init.read_text(encoding="utf-8")),
                    encoding="utf-8")
    return package


def test_tinytorch_path_chooses_the_framework(other, tmp_path):
    answer = ask(
        tmp_path, path=other.parent, then=WORKFLOW
        + "\nresult = result, sorted({m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'tinytorch'})")
    assert full_points(answer) and answer["error"] is None
    submission, files = answer["result"]
    assert lines(answer)[0] == f"TinyTorch 9.9.9 from {other}; optional modules missing: 16", (
        "what it lacks is not filled up from here")
    assert all(file.startswith(str(other)) for file in files) and len(files) > 8
    assert submission["tinytorch_version"] == "9.9.9"
    assert submission["optimized"]["techniques_applied"] == ["quantize_int8"]


def test_a_tinytorch_path_that_leads_nowhere_is_an_error_and_not_the_one_installed(other, tmp_path):
    for wrong in (tmp_path / "nothing", other):   # a typo, and the package in place of its folder
        cell = next(cell for cell in ask(tmp_path, path=wrong)["cells"] if cell["id"] == "which-tinytorch")
        assert (cell["error"] == f"FileNotFoundError: TINYTORCH_PATH={wrong} holds no tinytorch package; name "
                "the folder that contains yours")


def test_without_tinytorch_path_it_is_the_one_installed(tmp_path):
    first = lines(ask(tmp_path))[0]
    assert first.startswith("TinyTorch ") and "9.9.9" not in first and "from /" in first


def test_tinytorch_path_may_be_relative(other):
    assert lines(ask(other.parent.parent, path="mine"))[0].startswith(f"TinyTorch 9.9.9 from {other};")
