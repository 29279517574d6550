"""The notebook on each shape that a student's own TinyTorch has: same points, honest techniques,
one line about what is missing."""
import json
import shutil

import pytest
from conftest import ROOT
from run_capstone import ask

STANDIN = ROOT / "tests" / "standin" / "tinytorch"

QUANTIZED = '''
"""Layers hold int8 codes and a scale."""
import numpy as np

from tinytorch.core.tensor import Tensor


class QuantizedLinear:
    def __init__(self, layer):
        self.scale = float(np.abs(layer.weight.data).max()) / 127
        self.codes = np.round(layer.weight.data / self.scale).astype(np.int8)
        self.bias = layer.bias

    def forward(self, x): return Tensor(x.data @ (self.codes * np.float32(self.scale)) + self.bias.data)
    def __call__(self, x): return self.forward(x)
    def parameters(self): return [self.bias]
    def size_bytes(self): return self.codes.nbytes + self.bias.data.nbytes + 4
    def count_parameters(self): return self.codes.size + self.bias.data.size


def quantize_model(model, calibration_data=None):
'''
IN_PLACE = QUANTIZED + '''
    for i, layer in enumerate(model.layers):
        if hasattr(layer, "weight"): model.layers[i] = QuantizedLinear(layer)
'''
STATISTICS = QUANTIZED + '''
    layers = {i: QuantizedLinear(layer) for i, layer in enumerate(model.layers) if hasattr(layer, "weight")}
    return {"quantized_layers": layers, "compression_ratio": 4.0}
'''
PRUNE = '''
import numpy as np


def magnitude_prune(model, sparsity=0.9):
    for parameter in model.parameters():
        if parameter.data.ndim == 2:
            limit = np.quantile(np.abs(parameter.data), sparsity)
            parameter.data = np.where(np.abs(parameter.data) < limit, 0, parameter.data).astype(np.float32)
    return model
'''
STUBS = {
    "perf/quantization.py": "def quantize_model(model, calibration_data=None):\n    pass\n",
    "perf/compression.py": "def magnitude_prune(model, sparsity=0.9):\n    raise NotImplementedError('your turn')\n",
    "perf/profiling.py": "class Profiler:\n    def count_flops(self, model, input_shape): raise NotImplementedError\n"}
OLYMPICS = '''
"""An event of another kind, under the name of the capstone."""
class SimpleMLP:
    def __init__(self): raise RuntimeError("not the one that the notebook builds")


def validate_submission_schema(submission): return False
'''
FIXED_DATA = '''
    @property
    def data(self): return self._data

    def matmul'''

# name: {file: its text, None where it is missing, or a function of the stand-in's text}
SHAPES = {
    "plain": {},
    "current": {"perf/quantization.py": IN_PLACE, "perf/compression.py": PRUNE},
    "returned": {"perf/quantization.py": IN_PLACE + "    return model\n"},
    "december": {"perf/quantization.py": STATISTICS, "perf/compression.py": PRUNE, "perf/acceleration.py": "",
                 "perf/memoization.py": ""},
    "stubs": STUBS,
    "broken": {"perf/quantization.py": "def quantize_model(model:\n",
               "perf/compression.py": "raise RuntimeError('unfinished')\n"},
    "olympics": {"olympics.py": OLYMPICS, "__init__.py": lambda text: text + "from .olympics import SimpleMLP\n"},
    "no_grad": {"core/autograd.py": "def enable_autograd(): pass\n"},
    "relu": {"core/activations.py": lambda text: text.replace("    def parameters(self): return []\n", "")},
    "data": {"core/tensor.py": lambda text: text.replace("self.data = ", "self._data = ")
             .replace("    def matmul", FIXED_DATA.lstrip("\n"), 1)},
    "no_19": {"perf/benchmarking.py": None},
    "slices": {"core/tensor.py": lambda text:
                   text.replace("    def __getitem__(self, key): return Tensor(self.data[key])\n", "")},
}
NO_SGD = "core.optimizers.SGD (Part 5)"
LACKS = {"data": f"{NO_SGD}, a Tensor whose .data can be assigned (Parts 1-4)",
         "slices": f"{NO_SGD}, a Tensor that can be sliced (Parts 1-4)"}
TECHNIQUES = {"current": ["magnitude_prune_50", "quantize_int8"], "returned": ["quantize_int8"],
              "december": ["magnitude_prune_50"]}
SAYS = {"stubs": "module 16: magnitude_prune is not written yet ({package}/perf/compression.py, line 2); left out",
        "broken": "module 16: unfinished; no pruning"}


def built(folder, shape):
    "The stand-in package in `folder`, in the shape of that name."
    package = folder / "theirs" / "tinytorch"
    shutil.copytree(STANDIN, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in SHAPES[shape].items():
        path = package / name
        if text is None: path.unlink()
        elif callable(text):
            old = path.read_text(encoding="utf-8")
            assert text(old) != old
            path.write_text(text(old), encoding="utf-8")
        else: path.write_text(text, encoding="utf-8")
    return package


WORKFLOW = """
from pathlib import Path
namespace = {"__file__": str(Path(DATA))}
import importlib.util
spec = importlib.util.spec_from_file_location("digits", DATA)
spec.loader.exec_module(digits := importlib.util.module_from_spec(spec))
_, _, X_test, y_test = digits.load_digits()
model = SimpleMLP(64, 32, 10)
for parameter, values in zip(model.parameters(), digits.load_digits_mlp()): put(parameter, values)
optimized, techniques = optimize_model(model, tools)
result = run_workflow(model, optimized, X_test, y_test, "submission.json", "Ada", techniques, num_runs=40,
                      compare=lambda *models: paired(*models, pairs=6))
validate_submission_schema(json.load(open("submission.json")))
"""


def points_and_lines(answer):
    return (sum(cell["points"] for cell in answer["cells"] if not cell["error"]),
            "".join(cell["out"] for cell in answer["cells"]))


def techniques_are(submission, shape):
    wanted = TECHNIQUES.get(shape)
    assert submission.get("optimized", {}).get("techniques_applied") == wanted
    if "quantize_int8" in (wanted or ()): assert submission["improvements"]["compression_ratio"] > 3
    if wanted:
        assert (submission["improvements"]["comparison"]["warnings"]
                == ["module 19 is missing: compared by the small form of module 20"])
    if shape == "december": assert submission["improvements"]["compression_ratio"] == 1


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "slices"])
def test_same_points_and_an_honest_submission(shape, tmp_path):
    package = built(tmp_path, shape)
    answer = ask(tmp_path, package.parent, then=WORKFLOW.replace("DATA", repr(str(ROOT / "tinytorch" / "datasets.py"))))
    points, out = points_and_lines(answer)
    assert [cell for cell in answer["cells"] if cell["error"]] == [] and points == 95
    assert out.count("this TinyTorch lacks") == 1 and f"this TinyTorch lacks {LACKS.get(shape, NO_SGD)}\n" in out
    assert answer["error"] is None, answer["error"]
    assert (answer["result"]["tinytorch_version"] == "0.5-standin"
            and answer["result"]["baseline"]["metrics"]["accuracy"] >= 0.95)
    techniques_are(answer["result"], shape)


@pytest.mark.parametrize("shape", ["december", "broken", *(pytest.param(shape, marks=pytest.mark.long) for shape in (
    "current", "stubs", "data", "plain", "returned", "olympics", "no_grad", "relu", "no_19"))])
def test_the_whole_notebook_runs(shape, tmp_path):
    "Every demonstration too; their package has no data, so the copy beside the notebook is read."
    package = built(tmp_path, shape)
    shutil.copytree(ROOT / "tinytorch", tmp_path / "student" / "tinytorch",
                    ignore=shutil.ignore_patterns("__pycache__"))
    answer = ask(tmp_path / "student", package.parent, demo=True)
    points, out = points_and_lines(answer)
    assert [cell for cell in answer["cells"] if cell["error"]] == [] and points == 95
    if shape in SAYS: assert SAYS[shape].format(package=package) in out
    submission = json.loads((tmp_path / "student" / "submission.json").read_text(encoding="utf-8"))
    techniques_are(submission, shape)


def test_what_nothing_can_stand_in_for_is_named_at_the_top(tmp_path):
    package = built(tmp_path, "slices")
    _, out = points_and_lines(ask(tmp_path, package.parent))
    assert out.splitlines()[1] == f"this TinyTorch lacks {LACKS['slices']}"
