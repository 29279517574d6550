"""The exported `olympics.py` and the notebook on somebody else's TinyTorch,
which has the least that modules 01-19 promise."""
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from run_capstone import ask

STANDIN = ROOT / "tests" / "standin"

ON_THEIRS = """
import json, sys
sys.path.insert(0, {folder!r})
# an editable install of ours
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")]
import numpy as np
import tinytorch
from tinytorch.core.layers import Linear
from tinytorch.core.tensor import Tensor
from tinytorch.olympics import *
from tinytorch import olympics

assert tinytorch.__version__ == "0.5-standin"
{code}
ours = [name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith({ours!r})]
assert not ours, f"these are not theirs: {{ours}}"
"""


@pytest.fixture
def theirs(tmp_path):
    "A folder with the stand-in package and our `olympics.py` in it."
    folder = tmp_path / "theirs"
    shutil.copytree(STANDIN, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tinytorch" / "olympics.py", folder / "tinytorch")
    return folder


def on(folder, code):
    "Run `code` with the package in `folder`, in a fresh process."
    program = ON_THEIRS.format(folder=str(folder), code=code, ours=str(ROOT / "tinytorch"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


MEASURE = """
rng = np.random.default_rng(0)
X, y = rng.normal(size=(50, 10)).astype(np.float32), rng.integers(0, 3, 50)
model = SimpleMLP()
W1, b1, W2, b2 = (p.data for p in model.parameters())
scores = np.maximum(X @ W1 + b1, 0) @ W2 + b2
want = float(np.mean(scores.argmax(axis=1) == y))
def measure(name, model, X=X, y=y):
    report = BenchmarkReport(name)
    report.benchmark_model(model, X, y, num_runs=40)
    return report
"""


def test_it_really_is_another_package(theirs):
    on(theirs, """
t = Tensor(np.zeros((1, 2)))
t.data = np.zeros((7, 5), dtype=np.float32)
assert t.shape == (1, 2)
assert not hasattr(Linear(2, 2).weight, "requires_grad") or not Linear(2, 2).weight.requires_grad
import importlib.util
for name in ("core.autograd", "core.optimizers", "benchmarking", "perf.quantization", "datasets"):
    assert importlib.util.find_spec("tinytorch." + name) is None, name
""")


def test_model_and_benchmark(theirs):
    on(theirs, MEASURE + """
assert np.allclose(model(Tensor(X)).data, scores, atol=1e-5) and model.count_parameters() == 283
metrics = measure("theirs", model).metrics
assert metrics["accuracy"] == want and metrics["parameter_count"] == 283
assert metrics["model_size_mb"] == 283 * 4 / 2**20 and metrics["batch_size"] == 50
assert all(type(value) in (int, float) for value in metrics.values())
""")


def test_a_tensor_whose_shape_is_stale(theirs):
    on(theirs, MEASURE + """
seen = []
class Watched(SimpleMLP):
    def forward(self, x):
        if x.data.shape[0] == 1: seen.append(x.data[0, 0])
        return super().forward(x)
watched = Watched()
for p, q in zip(watched.parameters(), model.parameters()): p.data = q.data
stale = Tensor(np.zeros((1, 10)))
stale.data = X
metrics = measure("stale", watched, stale).metrics
assert metrics["accuracy"] == want, metrics["accuracy"]
assert metrics["batch_size"] == 50, metrics["batch_size"]
assert len(set(seen)) >= 40, f"only {len(set(seen))} of 50 rows were used"
labels = Tensor(np.zeros(1))
labels.data = y.astype(np.float32)
assert measure("labels", model, X, labels).metrics["accuracy"] == want
small = Linear(10, 3)
small.weight.data = np.zeros((10, 3), dtype=np.int8)
model.fc1.weight.data = model.fc1.weight.data.astype(np.float16)
assert olympics._size_bytes(model) == 4 * 283 - 2 * 200
""")


def test_a_layer_in_place_of_another(theirs):
    on(theirs, MEASURE + """
class Twice:
    def __init__(self, layer): self.layer = layer
    def forward(self, x): return self.layer.forward(x) * 2
    def parameters(self): return self.layer.parameters()
model.fc1 = Twice(model.fc1)
assert type(model.layers[0]) is Twice
assert np.allclose(model(Tensor(X)).data, np.maximum(2 * (X @ W1 + b1), 0) @ W2 + b2, atol=1e-4)
""")


def test_submission_and_validation(theirs):
    out = on(theirs, MEASURE + """
first, second = measure("a", model), measure("b", SimpleMLP(10, 5, 3))
submission = generate_submission(first, second, student_name="Ada", techniques_applied=["smaller"])
assert validate_submission_schema(submission) is True
assert submission["tinytorch_version"] == "0.5-standin"
assert abs(submission["improvements"]["compression_ratio"] - 283 / 73) < 1e-9
print(save_submission(submission, "submission.json"))
with open("submission.json", encoding="utf-8") as file: assert json.load(file) == submission
submission["baseline"]["metrics"]["accuracy"] = 92
try: save_submission(submission, "submission.json")
except AssertionError as error: assert "/baseline/metrics/accuracy" in str(error)
else: raise SystemExit("an invalid submission was saved")
with open("submission.json", encoding="utf-8") as file: kept = json.load(file)
assert kept["baseline"]["metrics"]["accuracy"] == want
assert qualifies_event({"accuracy": 0.9, "latency_ms_median": 1.0, "model_size_mb": 0.1}, "latency_sprint")
""")
    assert out.strip().endswith("submission.json")


def test_errors_are_the_same_there(theirs):
    on(theirs, MEASURE + """
def refused(*args):
    try: measure("x", *args)
    except ValueError: return True
assert refused(model, X[:0], y[:0]) and refused(model, X, y[:, None])
assert refused(model, X, y.astype(float)) and refused(model, X, y + 9)
bad = {"forward": lambda self, x: Tensor(x.data * np.nan), "parameters": lambda self: []}
assert refused(type("Bad", (), bad)(), X, y)
""")


def test_notebook_gives_full_points_there(theirs, tmp_path):
    answer = ask(tmp_path, theirs)
    assert [cell for cell in answer["cells"] if cell["error"]] == []
    assert sum(cell["points"] for cell in answer["cells"]) == 95
    first, lacks, *more = "".join(cell["out"] for cell in answer["cells"]).splitlines()
    assert first == f"TinyTorch 0.5-standin from {theirs / 'tinytorch'}; optional modules missing: 14, 15, 16, 17, 18"
    assert lacks == "this TinyTorch lacks core.optimizers.SGD (Part 5)"
    assert (sorted(line.split(":")[0] for line in more if line.startswith("module "))
            == ["module 14", "module 15", "module 16", "module 19"])
