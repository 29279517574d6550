"""The contract of `tinytorch.olympics`, name by name."""
import copy
import gc
import json
import math
import os
import subprocess
import sys
from datetime import datetime

import jsonschema
import numpy as np
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinytorch import olympics
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits, load_digits_mlp
from tinytorch.olympics import (BenchmarkReport, OlympicEvent, SimpleMLP, generate_submission, qualifies_event,
                                save_submission, validate_submission_schema)

X, y = load_digits()[2:]
X, y = X[:40], y[:40]


@pytest.fixture(scope="module")
def model():
    model = SimpleMLP(64, 32, 10)
    for parameter, values in zip(model.parameters(), load_digits_mlp()):
        parameter.data = values
    return model


@pytest.fixture(scope="module")
def report(model):
    report = BenchmarkReport("digits")
    report.benchmark_model(model, X, y, num_runs=80)
    return report


def test_metrics_are_plain_finite_and_complete(report):
    assert {"parameter_count", "model_size_mb", "accuracy", "latency_ms_mean", "latency_ms_std", "throughput_samples_per_sec"} <= set(report.metrics)
    assert all(type(value) in (int, float) and math.isfinite(value) for value in report.metrics.values())
    assert report.metrics["parameter_count"] == 64 * 32 + 32 + 32 * 10 + 10
    assert report.metrics["model_size_mb"] == 4 * report.metrics["parameter_count"] / 2**20
    assert "latency_ms_p95" in report.metrics and "latency_ms_p99" not in report.metrics
    assert report.provenance["num_samples"] == 40 and report.provenance["protocol"]["num_runs"] == 80
    assert datetime.fromisoformat(report.timestamp).tzinfo is not None


def test_no_host_or_user_name_in_a_submission(report):
    import getpass
    import platform

    text = json.dumps(generate_submission(report))
    assert platform.node() not in text
    assert f'"{getpass.getuser()}"' not in text


@pytest.mark.parametrize("labels", [y[:, None], y.astype(float), y > 4, y.astype(str), y[:-1], np.where(y == 0, -1, y), np.where(y == 9, 10, y)],
                         ids=["(n, 1)", "float", "bool", "str", "short", "negative", "too large"])
def test_bad_labels_are_refused_and_leave_nothing(model, labels):
    report = BenchmarkReport()
    report.benchmark_model(model, X, y, num_runs=2)
    with pytest.raises(ValueError, match="labels"):
        report.benchmark_model(model, X, labels, num_runs=2)
    assert report.metrics == {}


@pytest.mark.parametrize("labels", [y.tolist(), Tensor(y), y.astype(np.uint8)], ids=["list", "Tensor", "uint8"])
def test_good_labels_are_taken(model, labels, report):
    assert BenchmarkReport().benchmark_model(model, Tensor(X), labels, num_runs=2)["accuracy"] == report.metrics["accuracy"]


def test_a_tensor_of_fractions_is_no_label(model):
    with pytest.raises(ValueError, match="labels"):
        BenchmarkReport().benchmark_model(model, X, Tensor(y + 0.5), num_runs=2)


class Gives:
    "A model that answers with the same scores whatever comes."
    def __init__(self, scores): self.scores = scores
    def forward(self, x): return Tensor(self.scores) if self.scores.dtype == np.float32 else self.scores
    def parameters(self): return [Tensor(np.zeros(3))]


@pytest.mark.parametrize("scores", [np.zeros(40), np.zeros((39, 10)), np.full((40, 10), np.nan, np.float32), np.zeros((40, 10), complex)],
                         ids=["1-d", "rows", "NaN", "complex"])
def test_bad_scores_are_refused(scores):
    with pytest.raises(ValueError, match="scores"):
        BenchmarkReport().benchmark_model(Gives(scores), X, y, num_runs=2)


@pytest.mark.parametrize("num_runs", [0, -1, 1.5, True])
def test_bad_num_runs(model, num_runs):
    with pytest.raises(ValueError, match="num_runs"):
        BenchmarkReport().benchmark_model(model, X, y, num_runs=num_runs)


def test_no_samples(model):
    with pytest.raises(ValueError, match="at least one sample"):
        BenchmarkReport().benchmark_model(model, X[:0], y[:0])


def test_clock_too_coarse(model, monkeypatch):
    monkeypatch.setattr(olympics.time, "perf_counter_ns", lambda: 7)
    with pytest.raises(ValueError, match="resolution"):
        BenchmarkReport().benchmark_model(model, X, y, num_runs=2)


def test_a_model_that_raises_leaves_everything_as_before(model):
    class Breaks(SimpleMLP):
        calls = 0
        def forward(self, x):
            self.calls += 1
            if self.calls > 15: raise RuntimeError("in the middle")
            return super().forward(x)

    report = BenchmarkReport()
    for collecting in (True, False):
        gc.enable() if collecting else gc.disable()
        try:
            with pytest.raises(RuntimeError, match="in the middle"):
                report.benchmark_model(Breaks(64, 32, 10), X, y)
            assert gc.isenabled() == collecting and report.metrics == {}
        finally:
            gc.enable()


def test_assigned_layers_are_used(model):
    other = copy.deepcopy(model)
    other.fc1 = copy.deepcopy(model.fc1)
    other.fc1.weight.data = model.fc1.weight.data * 2
    assert other.layers[0] is other.fc1
    assert not np.allclose(other(Tensor(X)).data, model(Tensor(X)).data)
    assert SimpleMLP().count_parameters() == 283


def pair(report, **changes):
    other = copy.deepcopy(report)
    other.model_name = "other"
    other.metrics.update(changes)
    return other


def test_submission_shares_nothing(report):
    mine = copy.deepcopy(report)
    submission = generate_submission(mine, pair(mine, accuracy=0.5), "Ada", ["int8"])
    before = copy.deepcopy(submission)
    mine.metrics["accuracy"] = mine.system_info["platform"] = mine.provenance["protocol"]["clock"] = "changed"
    assert submission == before
    assert validate_submission_schema(submission) is True


def test_reports_without_metrics_or_of_other_data_or_systems(report):
    with pytest.raises(ValueError, match="no metrics"):
        generate_submission(BenchmarkReport("empty"))
    other = pair(report)
    other.provenance["y_sha256"] = "0" * 64
    with pytest.raises(ValueError, match="y_sha256"):
        generate_submission(report, other)
    other = pair(report)
    other.system_info["numpy_version"] = "0.1"
    with pytest.raises(ValueError, match="numpy_version"):
        generate_submission(report, other)


def test_save_is_atomic_and_valid(report, tmp_path):
    path = tmp_path / "submission.json"
    assert save_submission(generate_submission(report), path) == str(path)
    before = path.read_bytes()
    with pytest.raises(AssertionError, match="/baseline"):
        save_submission({"submission_type": "capstone_benchmark"}, path)
    assert path.read_bytes() == before
    with pytest.raises(TypeError):
        save_submission({**generate_submission(report), "extra": object()}, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["submission.json"]


def test_every_violation_is_named_with_its_pointer(report):
    submission = generate_submission(report, pair(report), techniques_applied=["int8"])
    submission["baseline"]["metrics"]["accuracy"] = 92
    submission["optimized"]["metrics"]["latency_ms_std"] = -1.0
    del submission["system_info"]["platform"]
    with pytest.raises(AssertionError) as caught:
        validate_submission_schema(submission)
    for pointer in ("/baseline/metrics/accuracy", "/optimized/metrics/latency_ms_std", "/system_info/platform"):
        assert f"{pointer}:" in str(caught.value)


def test_validation_works_under_python_O():
    code = "from tinytorch.olympics import validate_submission_schema as v\ntry: v({})\nexcept AssertionError as e: print('refused', e)"
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused")


# -- agreement with jsonschema ------------------------------------------------------------------------------------------

SCHEMA = olympics.SUBMISSION_SCHEMA
CHECKER = jsonschema.Draft202012Validator(SCHEMA)
BASE = {
    "tinytorch_version": "1", "schema_version": "1.1", "submission_type": "capstone_benchmark", "timestamp": "2026-01-01T00:00:00+00:00",
    "system_info": {"platform": "Linux", "python_version": "3.12"},
    "baseline": {"model_name": "a", "metrics": {"parameter_count": 5, "model_size_mb": 2.0, "accuracy": 0.5, "latency_ms_mean": 4.0}},
    "optimized": {"model_name": "b", "techniques_applied": ["x"],
                  "metrics": {"parameter_count": 5, "model_size_mb": 1.0, "accuracy": 0.25, "latency_ms_mean": 2.0}},
}


def paths(value, at=()):
    if isinstance(value, dict):
        for name, member in value.items():
            yield at + (name,)
            yield from paths(member, at + (name,))


values = st.one_of(st.none(), st.booleans(), st.integers(-3, 200), st.floats(-2, 3), st.text(max_size=3), st.just([]), st.just({}), st.lists(st.integers(), max_size=2))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(paths(BASE))), st.one_of(st.just("delete"), values)), max_size=3))
def test_agrees_with_jsonschema(changes):
    submission = copy.deepcopy(BASE)
    for path, value in changes:
        target = submission
        for name in path[:-1]:
            target = target.get(name) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            continue
        if value == "delete":
            target.pop(path[-1], None)
        else:
            target[path[-1]] = copy.deepcopy(value)
    try:
        ours = validate_submission_schema(submission)
    except AssertionError:
        ours = False
    assert ours == CHECKER.is_valid(submission), (submission, [e.message for e in CHECKER.iter_errors(submission)])


def test_schema_is_a_schema_and_the_file_is_it():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads((ROOT / "tinytorch" / "submission.schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_beyond_the_schema():
    def refused(path, value, pointer):
        submission = copy.deepcopy(BASE)
        submission["improvements"] = {"speedup": 2.0, "compression_ratio": 2.0, "accuracy_delta": -0.25}
        assert validate_submission_schema(submission)
        target = submission
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = value
        with pytest.raises(AssertionError, match=pointer):
            validate_submission_schema(submission)

    refused(("improvements", "speedup"), 3.0, "/improvements/speedup")
    refused(("improvements", "accuracy_delta"), 0.25, "/improvements/accuracy_delta")
    refused(("baseline", "metrics", "accuracy"), math.nan, "/baseline/metrics/accuracy")
    refused(("optimized", "metrics", "extra"), math.inf, "/optimized/metrics/extra")
    refused(("baseline", "metrics", "throughput_samples_per_sec"), 4.0, "throughput")


def test_events(report):
    m = {"accuracy": 0.86, "latency_ms_median": 50.0, "model_size_mb": 5.0}
    before = dict(m)
    assert all(qualifies_event(m, event) for event in OlympicEvent)
    assert m == before
    assert not qualifies_event({**m, "accuracy": 0.849}, "latency_sprint")
    assert not qualifies_event({**m, "accuracy": 0.849}, OlympicEvent.MEMORY_CHALLENGE)
    assert not qualifies_event({**m, "latency_ms_median": 100}, "accuracy_contest")
    assert not qualifies_event({**m, "model_size_mb": 10}, "accuracy_contest")
    assert not qualifies_event({**m, "accuracy": 0.79}, "extreme_push") and qualifies_event({**m, "accuracy": 0.0}, "all_around")
    with pytest.raises(KeyError):
        qualifies_event({"accuracy": 0.9}, "all_around")
    for bad in ({"accuracy": 1.2}, {"accuracy": math.nan}, {"latency_ms_median": -1}, {"model_size_mb": True}):
        with pytest.raises(ValueError):
            qualifies_event({**m, **bad}, "all_around")
    with pytest.raises(ValueError):
        qualifies_event(m, "marathon")
