"""The contract of `tinytorch.olympics`, name by name."""
import copy
import gc
import json
import math
import os
import pickle
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from conftest import ROOT

from tinytorch import olympics
from tinytorch.core.layers import Linear
from tinytorch.core.tensor import Tensor
from tinytorch.core.transformers import GPT
from tinytorch.datasets import load_digits, load_digits_mlp
from tinytorch.olympics import (
    BenchmarkReport,
    OlympicEvent,
    SimpleMLP,
    generate_submission,
    qualifies_event,
    save_submission,
    validate_submission_schema,
)
from tinytorch.perf.quantization import quantize_model

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
    assert {"parameter_count", "model_size_mb", "accuracy", "latency_ms_mean", "latency_ms_std",
            "throughput_samples_per_sec"} <= set(report.metrics)
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


@pytest.mark.parametrize("labels", [y[:, None], y.astype(float), y > 4, y.astype(str), y[:-1], np.where(
    y == 0, -1, y), np.where(y == 9, 10, y)], ids=["(n, 1)", "float", "bool", "str", "short", "negative", "too large"])
def test_bad_labels_are_refused_and_leave_nothing(model, labels):
    report = BenchmarkReport()
    report.benchmark_model(model, X, y, num_runs=2)
    with pytest.raises(ValueError, match="labels"):
        report.benchmark_model(model, X, labels, num_runs=2)
    assert report.metrics == {}


@pytest.mark.parametrize("labels", [y.tolist(), Tensor(y), y.astype(np.uint8)], ids=["list", "Tensor", "uint8"])
def test_good_labels_are_taken(model, labels, report):
    assert (BenchmarkReport().benchmark_model(model, Tensor(X), labels, num_runs=2)["accuracy"]
            == report.metrics["accuracy"])


def test_a_tensor_of_fractions_is_no_label(model):
    with pytest.raises(ValueError, match="labels"):
        BenchmarkReport().benchmark_model(model, X, Tensor(y + 0.5), num_runs=2)


class Gives:
    "A model that answers with the same scores whatever comes."
    def __init__(self, scores): self.scores = scores
    def forward(self, x): return Tensor(self.scores) if self.scores.dtype == np.float32 else self.scores
    def parameters(self): return [Tensor(np.zeros(3))]


@pytest.mark.parametrize("scores", [np.zeros(40), np.zeros((39, 10)), np.full((40, 10), np.nan, np.float32),
                                    np.zeros((40, 10), complex)], ids=["1-d", "rows", "NaN", "complex"])
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
    with pytest.raises(ValueError, match="latency_ms_mean: got -0.5; the clock's resolution"): olympics._resolved(-0.5)


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
    submission = generate_submission(mine, pair(mine, accuracy=0.5, accuracy_ci_low=0.4, accuracy_ci_high=0.6), "Ada",
                                     ["int8"])
    before = copy.deepcopy(submission)
    mine.metrics["accuracy"] = mine.system_info["platform"] = mine.provenance["protocol"]["clock"] = "changed"
    assert submission == before
    assert validate_submission_schema(submission) is True


def test_reports_without_metrics_or_of_other_data_or_systems(report):
    with pytest.raises(ValueError, match="no metrics"):
        generate_submission(BenchmarkReport("empty"))
    other = pair(report)
    other.provenance["y_sha256"] = "0" * 64
    with pytest.raises(ValueError, match=f"^y_sha256: {report.provenance['y_sha256'][:12]} and 000000000000 differ; "):
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
    with pytest.raises(AssertionError, match="/extra: is <object .*JSON cannot hold"):
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


def test_the_signatures_are_those_of_the_contract():
    import inspect

    wanted = {
        olympics.SimpleMLP: {"input_size": 10, "hidden_size": 20, "output_size": 3},
        olympics.BenchmarkReport: {"model_name": "model"},
        olympics.BenchmarkReport.benchmark_model: {"self": None, "model": None, "X_test": None, "y_test": None,
                                                   "num_runs": 100},
        olympics.generate_submission: {"baseline_report": None, "optimized_report": None, "student_name": None,
                                       "techniques_applied": None,
                                       "comparison": None},
        olympics.save_submission: {"submission": None, "filepath": "submission.json"},
        olympics.validate_submission_schema: {"submission": None},
        olympics.qualifies_event: {"metrics": None, "event": None},
    }
    for function, parameters in wanted.items():
        found = {name: None if p.default is p.empty else p.default
                 for name, p in inspect.signature(function).parameters.items()}
        assert found == parameters, function
    by_name = [name for name, p in inspect.signature(olympics.generate_submission).parameters.items()
               if p.kind is p.KEYWORD_ONLY]
    assert by_name == ["comparison"]
    assert ([event.name for event in OlympicEvent]
            == ["LATENCY_SPRINT", "MEMORY_CHALLENGE", "ACCURACY_CONTEST", "ALL_AROUND", "EXTREME_PUSH"])


def test_a_write_into_layers_reaches_the_model_or_raises():
    model, new, last = SimpleMLP(4, 4, 4), Linear(4, 4), Linear(4, 4)
    model.layers[0] = new
    assert model.fc1 is new and model.layers == [new, model.relu, model.fc2] and model.parameters()[0] is new.weight
    model.layers[-1] = last
    model.layers[:2] = [last, model.relu]
    assert model.layers == [last, model.relu, last] and model.count_parameters() == 40
    model.fc1 = new
    before = list(model.layers)
    layers = model.layers
    for change in (lambda: layers.append(new), lambda: layers.insert(0, new), lambda: layers.extend([new]),
                   layers.pop, layers.clear, layers.reverse, lambda: layers.remove(new), lambda: layers.sort(key=id),
                   lambda: layers.__delitem__(0), lambda: layers.__iadd__([new]), lambda: layers.__imul__(2),
                   lambda: layers.__setitem__(slice(0, 1), [new, new])):
        with pytest.raises(TypeError, match="fc1, relu, fc2: replace one"): change()
        assert list(model.layers) == list(layers) == before
    with pytest.raises(IndexError): model.layers[3] = new
    with pytest.raises(AttributeError): model.layers = [new]
    assert model.layers == before


def test_an_old_list_of_layers_writes_what_it_was_given_and_nothing_else():
    model = SimpleMLP(4, 4, 4)
    layers, first, last = model.layers, Linear(4, 4), Linear(4, 4)
    model.fc1 = first
    layers[2] = last
    assert (model.fc1, model.fc2) == (first, last)


def test_copied_layers_belong_to_no_model():
    import pickle

    model = SimpleMLP(4, 4, 4)
    for copied in (copy.copy(model.layers), copy.deepcopy(model.layers), pickle.loads(pickle.dumps(model.layers))):
        copied.append(0)
        assert type(copied) is list and len(copied) == 4 and len(model.layers) == 3
    again = copy.deepcopy(model)
    again.layers[0] = model.fc2
    assert again.fc1 is model.fc2 and model.fc1 is not model.fc2


def test_a_layer_without_parameters_counts_nothing():
    class Bare:
        def forward(self, x): return x
    model = SimpleMLP()
    model.relu = Bare()
    assert model.count_parameters() == 283 and olympics._size_bytes(model) == 283 * 4


def test_parameters_are_those_of_the_layers_in_order():
    model = SimpleMLP(3, 4, 5)
    assert ([id(p) for p in model.parameters()]
            == [id(p) for p in (model.fc1.weight, model.fc1.bias, model.fc2.weight, model.fc2.bias)])
    assert model.layers == [model.fc1, model.relu, model.fc2] and type(model.parameters()) is list
    assert np.array_equal(model(Tensor(np.ones((2, 3)))).data, model.forward(Tensor(np.ones((2, 3)))).data)


def test_a_report_before_its_first_benchmark():
    report = BenchmarkReport()
    assert (report.model_name, report.metrics) == ("model", {})
    assert ({"platform", "python_version", "numpy_version"} <= set(report.system_info)
            and "not measured yet" in repr(report) + report._repr_html_())
    assert datetime.fromisoformat(report.timestamp).utcoffset() is not None


def test_a_report_tells_n_centre_spread_and_units(report):
    assert all(word in repr(report) for word in ("n=80", "ms", "samples/s", "accuracy", "KiB")), repr(report)
    report = copy.copy(report)
    report.model_name = "<script>"
    assert "<script>" not in report._repr_html_()


@pytest.mark.parametrize("runs", [1, 35, 36, 71, 72, 367, 368])
def test_percentiles_need_their_minimum_of_runs(model, runs):
    metrics = BenchmarkReport().benchmark_model(model, X, y, num_runs=runs)
    assert ({name for name in metrics if name[:12] == "latency_ms_p"}
            == {f"latency_ms_p{p}" for p, least in ((90, 36), (95, 72), (99, 368)) if runs >= least})
    assert metrics["num_runs"] == runs and metrics["throughput_samples_per_sec"] == 1000 / metrics["latency_ms_mean"]


class Watches(SimpleMLP):
    "Notes what it is given, and what the garbage collector and the clock do meanwhile."
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.seen = []

    def forward(self, x):
        self.seen.append((len(x.data), x.data[0].tolist(), gc.isenabled()))
        return super().forward(x)


def test_single_samples_in_rotation_with_the_collector_held_off():
    watches = Watches(64, 32, 10)
    metrics = BenchmarkReport().benchmark_model(watches, X, y, num_runs=100)
    singles = [row for size, row, _ in watches.seen if size == 1]
    assert len(singles) == 100 + metrics["warmup_runs"] and not any(collecting for *_, collecting in watches.seen)
    assert singles == [X[run % 40].tolist() for run in range(len(singles))]
    assert {size for size, *_ in watches.seen} == {1, 40} and metrics["batch_size"] == 40


def test_the_loop_reads_a_monotonic_clock_around_the_call_alone(monkeypatch):
    class Clock:
        now = 0
        def __call__(self): return self.now
    clock = Clock()
    monkeypatch.setattr(olympics.time, "perf_counter_ns", clock)

    class Costs:
        calls = 0
        def forward(self, x):
            self.calls += 1
            clock.now += 2_000_000 + (40_000_000 if self.calls == 1 else 0)
            return Tensor(np.eye(10)[[0] * len(x.data)])
        def parameters(self): return [Tensor(np.zeros(5))]

    metrics = BenchmarkReport().benchmark_model(Costs(), X, y, num_runs=50)
    assert (metrics["latency_ms_mean"], metrics["latency_ms_std"], metrics["cold_start_ms"]) == (2.0, 0.0, 42.0)
    assert (metrics["throughput_samples_per_sec"] == 500.0 and metrics["parameter_count"] == 5
            and metrics["model_size_mb"] == 20 / 2**20)


def test_provenance_names_data_protocol_and_a_known_seed(model):
    seeded, report = copy.deepcopy(model), BenchmarkReport()
    seeded.seed = 20
    report.benchmark_model(seeded, X, y, num_runs=3)
    assert (report.provenance["seed"] == 20 and report.provenance["protocol"]
            == {"num_runs": 3, "warmup_runs": 10, "clock": "perf_counter_ns", "batch_size": 1})
    again = BenchmarkReport()
    again.benchmark_model(model, X.astype(np.float32), y.astype(np.int32), num_runs=5)
    assert "seed" not in again.provenance
    assert all(again.provenance[name] == report.provenance[name] and len(report.provenance[name]) == 64
               for name in ("X_sha256", "y_sha256"))
    other = BenchmarkReport()
    other.benchmark_model(model, X[::-1], y[::-1], num_runs=5)
    assert other.provenance["X_sha256"] != report.provenance["X_sha256"]
    validate_submission_schema(generate_submission(report))


def test_a_quantized_model_is_as_large_as_what_it_stores(model):
    quantization = pytest.importorskip("tinytorch.perf.quantization", reason="needs module 15")
    small = quantization.quantize_model(copy.deepcopy(model))
    before, after = (BenchmarkReport().benchmark_model(m, X, y, num_runs=2) for m in (model, small))
    assert (3.5 < before["model_size_mb"] / after["model_size_mb"] < 4
            and before["parameter_count"] == after["parameter_count"])


@pytest.mark.parametrize("scores", [np.array([["a"] * 10] * 40), np.zeros((40, 10), bool), np.full(
    (40, 10), None), np.zeros((40, 0)), np.zeros((40, 2, 5))], ids=["str", "bool", "object", "no classes", "3-d"])
def test_scores_that_are_no_numbers_are_refused(scores):
    with pytest.raises(ValueError, match="scores"):
        BenchmarkReport().benchmark_model(Gives(scores), X, y, num_runs=2)


@pytest.mark.parametrize("labels", [[True, *y[1:].tolist()], np.full(40, 2**63, np.uint64),
                                    [[1]] * 40, [None] * 40, Tensor(np.full(40, np.nan))],
                         ids=["a bool among them", "uint64", "nested", "None", "NaN"])
def test_more_bad_labels(model, labels):
    with pytest.raises(ValueError, match="labels"):
        BenchmarkReport().benchmark_model(model, X, labels, num_runs=2)


def test_improvements_of_medians_or_means(report):
    both = generate_submission(report,
                               pair(report, latency_ms_mean=report.metrics["latency_ms_mean"] * 2))["improvements"]
    assert both == {"speedup": 1.0, "speedup_basis": "median", "compression_ratio": 1.0, "accuracy_delta": 0.0}
    bare = pair(report)
    for name in ("latency_ms_median", "latency_ms_p90", "latency_ms_p95"): del bare.metrics[name]
    bare.metrics["latency_ms_mean"] /= 4
    bare.metrics["throughput_samples_per_sec"] *= 4
    mixed = generate_submission(report, bare)
    assert mixed["improvements"]["speedup"] == pytest.approx(4) and mixed["improvements"]["speedup_basis"] == "mean"
    assert validate_submission_schema(mixed)


class Beside:
    "A model whose `.layers` are not the whole of it, as an embedding beside its blocks."
    def __init__(self):
        self.embedding, self.layers = Linear(10, 50), [Linear(50, 3)]
    def forward(self, x): return self.layers[0].forward(self.embedding.forward(x))
    def parameters(self): return self.embedding.parameters() + self.layers[0].parameters()


def test_all_that_is_stored_counts_and_what_is_shared_once():
    from tinytorch.perf.quantization import QuantizedLinear

    beside = Beside()
    assert olympics._size_bytes(beside) == 4 * olympics._count(beside) == 4 * (10 * 50 + 50 + 50 * 3 + 3)
    tied = SimpleMLP(8, 8, 8)
    tied.fc1 = tied.fc2 = QuantizedLinear(Linear(8, 8))
    assert olympics._size_bytes(tied) == tied.fc1.size_bytes()
    tied.fc1 = tied.fc2 = Linear(8, 8)
    assert olympics._size_bytes(tied) == 4 * 72


def test_a_layer_that_knows_its_size_is_found_at_any_depth():
    np.random.seed(0)
    # blocks in a list, layers in their attributes, no `layers`
    model = quantize_model(GPT(20, 16, 2, 2, max_seq_len=8))
    products = 2 * (4 * 16 * 16 + 2 * 16 * 64) + 16 * 20       # codes of a byte: attention, MLP, scores
    # tables, biases, normalization: four bytes each
    others = 20 * 16 + 8 * 16 + 2 * (4 * 16 + 64 + 16 + 4 * 16) + 2 * 16
    assert olympics._size_bytes(model) == products + 4 * others + 4 * (2 * 6 + 1)

    class Wrapped:
        def __init__(self, model): self.inner = {"models": (model, model), "itself": self}
        def forward(self, x): return model.forward(x)
        def parameters(self): return model.parameters()

    assert olympics._size_bytes(Wrapped(model)) == olympics._size_bytes(model)


def test_a_size_of_nothing_compares_with_nothing(report):
    empty = copy.deepcopy(report)
    empty.metrics["model_size_mb"] = 0.0
    with pytest.raises(ValueError, match="'digits' has a size of 0"):
        generate_submission(report, empty)


@pytest.mark.parametrize("none", [None, {"metrics": {}}, 5])
def test_what_is_no_report_is_refused(report, none):
    with pytest.raises(ValueError, match=f"got {type(none).__name__}, expected a BenchmarkReport"):
        generate_submission(none)
    if none is not None:
        with pytest.raises(ValueError, match="expected a BenchmarkReport"):
            generate_submission(report, none)


@pytest.mark.parametrize("samples", [None, "digits", object(), [[1.0], [1.0, 2.0]]])
def test_what_are_no_samples_is_refused(model, samples):
    with pytest.raises(ValueError, match=f"X_test: got ({type(samples).__name__}|shape), expected"):
        BenchmarkReport().benchmark_model(model, samples, y)


def test_a_median_of_nothing_is_no_metric():
    assert olympics._percentiles([0.0] * 60 + [15.6] * 40) == {"latency_ms_p90": 15.6, "latency_ms_p95": 15.6}


@pytest.mark.parametrize("value, said",
                         [((1, 2), r"is \(1, 2\) \(tuple\), which JSON cannot hold"),
                          ({1}, r"is \{1\} \(set\), which JSON cannot hold"), (np.int64(1), ".*which JSON cannot hold"),
                          (b"x", ".*which JSON cannot hold"), ({1: 2}, "has a member named 1, expected text")])
def test_what_json_cannot_hold_is_a_violation(report, value, said):
    with pytest.raises(olympics.SubmissionError, match=f"^submission: 1 violation\n/extra: {said}"):
        validate_submission_schema({**generate_submission(report), "extra": value})


@pytest.mark.parametrize("value", [10**5000, "x" * 10**6, list(range(10**5)), np.array([1, 2])],
                         ids=["int", "str", "list", "array"])
@pytest.mark.parametrize("path", ["submission_type", "timestamp", "baseline/metrics/accuracy", "schema_version",
                                  "student_name"])
def test_a_message_stays_short_whatever_came(report, path, value):
    bad = copy.deepcopy(generate_submission(report))
    *inner, last = path.split("/")
    target = bad
    for name in inner: target = target[name]
    target[last] = value
    if isinstance(value, str) and last == "student_name":
        assert validate_submission_schema(bad)
        return
    with pytest.raises(olympics.SubmissionError, match=f"/{path}: ") as caught: validate_submission_schema(bad)
    assert len(str(caught.value)) < 1000


def test_a_nest_in_a_known_place_is_a_violation(report):
    nest = []
    for _ in range(100_000): nest = [nest]
    for name in ("timestamp", "improvements", "baseline", "submission_type"):
        with pytest.raises(olympics.SubmissionError, match=f"/{name}"):
            validate_submission_schema({**generate_submission(report), name: nest})


def test_violations_travel_between_processes():
    import pickle

    error = olympics.SubmissionError([("/a", "is 1"), ("/b", "is 2")])
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert again.violations == error.violations and str(again) == str(error)


def test_a_basis_that_no_report_has_is_a_violation(report):
    submission = generate_submission(report, copy.deepcopy(report))
    for side in ("baseline", "optimized"):
        for name in ("median", "p90", "p95"): submission[side]["metrics"].pop(f"latency_ms_{name}")
    submission["improvements"]["speedup"] = 1000.0
    with pytest.raises(olympics.SubmissionError,
                       match="/improvements/speedup_basis: is 'median', and the baseline report has none"):
        validate_submission_schema(submission)
    submission["improvements"] |= {"speedup_basis": "mean", "speedup": 1.0}
    assert validate_submission_schema(submission)


@pytest.mark.parametrize("version", ["1.x", "1.", "1.\u00b2", "2.0", ["1.0"], None, 1.1])
def test_a_version_that_is_none_is_refused_when_migrating(version):
    with pytest.raises(ValueError, match="schema_version: got .*, expected 1.x"):
        olympics.migrate_submission({"schema_version": version})


def test_events_take_any_real_number_and_say_what_they_know():
    metrics = {"accuracy": np.float32(0.9), "latency_ms_median": np.int64(1), "model_size_mb": np.float64(1)}
    assert [qualifies_event(metrics, event) for event in OlympicEvent] == [True] * 5
    with pytest.raises(ValueError, match="event: got 'sprint', expected one of .*'latency_sprint'"):
        qualifies_event(metrics, "sprint")


def test_a_str_of_techniques_is_refused(report):
    with pytest.raises(ValueError, match="techniques_applied.*int8"):
        generate_submission(report, pair(report), techniques_applied="int8")


def test_no_event_is_written_and_none_is_needed(report):
    poor = pair(report, accuracy=0.1, accuracy_ci_low=0.05, accuracy_ci_high=0.2)
    submission = generate_submission(poor)
    assert (validate_submission_schema(submission)
            and not any(event.value in json.dumps(submission) for event in OlympicEvent))


def test_saved_json_has_no_nan_and_two_savers_do_not_mix(report, tmp_path):
    with pytest.raises((ValueError, AssertionError)):
        save_submission({**generate_submission(report), "extra": math.inf}, tmp_path / "a.json")
    assert os.listdir(tmp_path) == []
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: save_submission(generate_submission(report, student_name="n" * 50 * (n + 1)),
                                                tmp_path / "a.json"), range(40)))
    assert (validate_submission_schema(json.loads((tmp_path / "a.json").read_text(encoding="utf-8")))
            and os.listdir(tmp_path) == ["a.json"])


@pytest.mark.parametrize("missing", ["schema_version", "improvements", "baseline/provenance",
                                     "baseline/metrics/latency_ms_std", "student_name"])
def test_what_a_file_from_elsewhere_may_lack(report, missing):
    submission = generate_submission(report, pair(report), "Ada")
    *path, last = missing.split("/")
    target = submission
    for name in path: target = target[name]
    del target[last]
    submission["timestamp"] = "2026-01-01T00:00:00"
    submission["extra"] = {"anything": [1, "two", None]}
    assert validate_submission_schema(submission)


@pytest.mark.parametrize("path, value",
                         [("baseline/metrics/latency_ms_mean", 10**400), ("baseline/metrics/parameter_count", 10**400),
                          ("improvements/speedup", 10**400), ("improvements", []), ("optimized", None), ("baseline", 3),
                          ("optimized/metrics", "x")])
def test_odd_values_are_violations_and_never_crash(report, path, value):
    submission = generate_submission(report, pair(report))
    *way, last = path.split("/")
    target = submission
    for name in way: target = target[name]
    target[last] = value
    try:
        assert validate_submission_schema(submission) is True
    except AssertionError as error:
        assert str(error).startswith("submission: ")


@pytest.mark.parametrize("submission", [None, [], "text", 3, {}, {1: 2}, {"baseline": {None: 1}}])
def test_what_is_no_submission(submission):
    with pytest.raises(AssertionError, match="violation"):
        validate_submission_schema(submission)


def test_a_nest_without_end_is_refused(report):
    nest = deep = {}
    for _ in range(5000): deep = deep.setdefault("x", {})
    with pytest.raises(AssertionError, match="nest"):
        validate_submission_schema({**generate_submission(report), "nest": nest})


def test_validation_works_under_python_O():
    code = ("from tinytorch.olympics import validate_submission_schema as v\ntry: v({})\n"
            "except AssertionError as e: print('refused', e)")
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused")


# -- the schema and the rules beside it --------------------------------------------------------------------------------

SCHEMA = olympics.SUBMISSION_SCHEMA
BASE = {
    "tinytorch_version": "1", "schema_version": "1.1", "submission_type": "capstone_benchmark",
    "timestamp": "2026-01-01T00:00:00+00:00",
    "system_info": {"platform": "Linux", "python_version": "3.12"},
    "baseline": {"model_name": "a",
                 "metrics": {"parameter_count": 5, "model_size_mb": 2.0, "accuracy": 0.5, "latency_ms_mean": 4.0}},
    "optimized": {"model_name": "b", "techniques_applied": ["x"],
                  "metrics": {"parameter_count": 5, "model_size_mb": 1.0, "accuracy": 0.25, "latency_ms_mean": 2.0}},
}


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
    assert (not qualifies_event({**m, "accuracy": 0.79}, "extreme_push")
            and qualifies_event({**m, "accuracy": 0.0}, "all_around"))
    with pytest.raises(KeyError):
        qualifies_event({"accuracy": 0.9}, "all_around")
    for bad in ({"accuracy": 1.2}, {"accuracy": math.nan}, {"latency_ms_median": -1}, {"latency_ms_median": math.inf},
                {"model_size_mb": 0}, {"model_size_mb": True}, {"accuracy": "0.9"}, {"accuracy": None}):
        with pytest.raises(ValueError):
            qualifies_event({**m, **bad}, "all_around")
    with pytest.raises(ValueError):
        qualifies_event(m, "marathon")


# -- saving ------------------------------------------------------------------------------------------------------------

def test_save_goes_through_a_link_to_what_it_points_to(report, tmp_path):
    target, link, chain = tmp_path / "there" / "real.json", tmp_path / "link.json", tmp_path / "chain.json"
    target.parent.mkdir()
    link.symlink_to(target)
    chain.symlink_to("link.json")
    for named, path in (("new", link), ("again", chain)):
        assert save_submission(generate_submission(report, student_name=named), path) == str(path)
        assert path.is_symlink() and json.loads(target.read_text(encoding="utf-8"))["student_name"] == named
    assert (os.listdir(target.parent) == ["real.json"]
            and sorted(os.listdir(tmp_path)) == ["chain.json", "link.json", "there"])


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_save_keeps_the_mode_of_the_file_it_replaces(report, tmp_path, mode):
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(mode)
    save_submission(generate_submission(report), path)
    assert path.stat().st_mode & 0o777 == mode and json.loads(path.read_text(encoding="utf-8"))


def test_a_new_file_has_the_mode_that_open_gives(report, tmp_path):
    (tmp_path / "b").write_text("")
    save_submission(generate_submission(report), tmp_path / "a.json")
    assert (tmp_path / "a.json").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_save_writes_into_a_pipe_and_leaves_it_a_pipe(report, tmp_path):
    import stat
    from concurrent.futures import ThreadPoolExecutor

    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(lambda: pipe.read_text(encoding="utf-8"))
            assert save_submission(generate_submission(report, student_name="Ada"), path) == str(path)
            assert json.loads(read.result(timeout=20))["student_name"] == "Ada"
        assert (stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()
                and sorted(os.listdir(tmp_path)) == ["link", "pipe"])


def test_save_writes_into_a_device_and_leaves_it_a_device(report, tmp_path):
    import stat

    node = tmp_path / "null"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # a node of our own
        node.write_text("")
    except OSError as error:
        pytest.skip(f"this user may not make or open a device here: {error}")
    assert save_submission(generate_submission(report), node) == str(node)
    assert stat.S_ISCHR(node.stat().st_mode) and os.listdir(tmp_path) == ["null"]


def test_an_error_names_the_path_that_was_asked_for(report, tmp_path, monkeypatch):
    submission, loop, long = generate_submission(report), tmp_path / "loop", tmp_path / ("x" * 250 + ".json")
    loop.symlink_to("loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path, kind in ((tmp_path / "no" / "a.json", FileNotFoundError), (tmp_path / "folder", IsADirectoryError),
                       (tmp_path / "file" / "a.json", NotADirectoryError), (loop, OSError),
                       (tmp_path / ("y" * 300), OSError)):
        with pytest.raises(kind) as caught: save_submission(submission, path)
        assert caught.value.filename == str(path) and caught.value.filename2 is None and caught.value.strerror
    assert save_submission(submission, long) == str(long), "a name that leaves no room for a suffix"
    monkeypatch.setattr(olympics.os, "fsync", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    before = long.read_bytes()
    with pytest.raises(OSError, match="No space left") as caught: save_submission(submission, long)
    assert caught.value.filename == str(long) and long.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == sorted(["loop", "folder", "file", long.name])


def test_a_plain_name_is_saved_in_the_folder_of_the_process(report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save_submission(generate_submission(report)) == "submission.json" and os.listdir() == ["submission.json"]


# -- a model that measures can be saved, or is refused at once ---------------------------------------------------------

class Empty:
    def forward(self, x): return Tensor(np.eye(10)[[0] * len(x.data)])
    def parameters(self): return []


class Weightless(SimpleMLP):
    def size_bytes(self): return 0


@pytest.mark.parametrize("model, says", [(Empty(), "counts 0 parameters"), (Weightless(64, 32, 10), "counts 0 bytes"),
                                         (object(), "got object, expected one with forward"),
                                         (Linear(64, 10).weight, "got Tensor, expected one with forward")])
def test_a_model_that_could_not_be_saved_is_refused_before_it_is_timed(model, says, monkeypatch):
    monkeypatch.setattr(olympics, "_time_calls", lambda *_: pytest.fail("it was timed"))
    report = BenchmarkReport()
    with pytest.raises(ValueError, match=f"model: {says}"): report.benchmark_model(model, X, y)
    assert report.metrics == {}


def test_a_cold_start_that_the_clock_did_not_see_is_no_metric(model, monkeypatch, tmp_path):
    monkeypatch.setattr(olympics, "_time_calls", lambda model, X, num_runs: ([0.0, 15.6] * (num_runs // 2), 0.0))
    report = BenchmarkReport()
    assert "cold_start_ms" not in report.benchmark_model(model, X, y, num_runs=40)
    save_submission(generate_submission(report), tmp_path / "a.json")


@pytest.mark.parametrize("right", [0, 1, 20, 39, 40])
def test_every_accuracy_can_be_saved(right, tmp_path):
    scores = np.eye(10, dtype=np.float32)[[label if n < right else (label + 1) % 10 for n, label in enumerate(y)]]
    report = BenchmarkReport()
    metrics = report.benchmark_model(Gives(scores), X, y, num_runs=2)
    assert metrics["accuracy"] == right / 40 and metrics["accuracy_ci_low"] <= right / 40 <= metrics["accuracy_ci_high"]
    save_submission(generate_submission(report), tmp_path / "a.json")


@pytest.mark.parametrize("name", ["", "  ", "\ud800", None, 3])
def test_a_name_that_could_not_be_saved_is_refused_with_the_submission(report, name):
    renamed = pair(report)
    renamed.model_name = name
    for reports in ((renamed,), (report, renamed)):
        with pytest.raises(ValueError, match="model_name: got .*, expected text that is not blank"):
            generate_submission(*reports)
    if name is not None:
        with pytest.raises(ValueError, match="student_name: got .*, expected text that is not blank"):
            generate_submission(report, student_name=name)


# -- the small paired comparison ---------------------------------------------------------------------------------------

class Paced:
    """A model that costs `ms` a call on a clock of its own, which drifts:
    everything takes longer as time goes by. Copies share the clock."""
    now_ns, drift, rng = 0, 0.0, np.random.default_rng(20)
    def __init__(self, ms, noise=0.0): self.ms, self.noise = ms, noise

    def forward(self, x):
        factor = Paced.rng.lognormal(0, self.noise) if self.noise else 1
        Paced.now_ns += round(1e6 * self.ms * factor * (1 + Paced.drift * Paced.now_ns / 1e9))


@pytest.fixture
def paced(monkeypatch):
    monkeypatch.setattr(Paced, "now_ns", 0)
    monkeypatch.setattr(Paced, "drift", 0.0)
    drawn = np.random.default_rng
    monkeypatch.setattr(Paced, "rng", drawn(20))
    # the order of the turns, the same each time
    monkeypatch.setattr(olympics.np.random, "default_rng", lambda seed=20: drawn(seed))
    monkeypatch.setattr(olympics.time, "perf_counter_ns", lambda: Paced.now_ns)


@pytest.mark.parametrize("ms, verdict", [(1.0, "faster"), (2.0, "equivalent"), (2.03, "equivalent"), (4.0, "slower")])
def test_a_comparison_in_turns(paced, ms, verdict):
    Paced.drift = 0.05
    found = olympics._compare_in_turns(Paced(2.0), Paced(ms), [0], pairs=20)
    assert found["speedup"] == pytest.approx(2 / ms, rel=0.02) and found["verdict"] == verdict and found["pairs"] == 20
    assert (found["min_effect"] == 0.02 and found["ci_low"] <= found["speedup"] <= found["ci_high"]
            and found["protocol"] == {"clock": "perf_counter_ns", "footing": "copies", "calls_per_block": 5})


def test_noise_widens_the_interval_and_blocks_last_as_long_as_asked(paced):
    quiet, loud = (olympics._compare_in_turns(Paced(0.1, noise), Paced(0.1, noise), [0], pairs=30)
                   for noise in (0.01, 1.0))
    assert (loud["ci_high"] / loud["ci_low"] > quiet["ci_high"] / quiet["ci_low"] > 1
            and loud["verdict"] == "inconclusive" and quiet["verdict"] == "equivalent")
    assert olympics._compare_in_turns(Paced(0.01), Paced(0.002), [0], 6)["protocol"]["calls_per_block"] == 500


def test_each_model_goes_first_equally_often_and_a_rest_is_no_part_of_it(paced, monkeypatch):
    order = []
    class Notes(Paced):
        def forward(self, x):
            order.append(self.ms)
            super().forward(x)
    olympics._compare_in_turns(Notes(1.0), Notes(3.0), [0, 1], pairs=10)
    # 2 * 20 calls to warm up, then 2 * 5 that do not count and 2 * 5 that do
    firsts = [order[40 + 20 * pair] for pair in range(10)]
    assert len(order) == 40 + 10 * 20 and firsts.count(1.0) == firsts.count(3.0) == 5


def test_models_that_cannot_be_copied_are_compared_as_they_are(paced):
    class Stuck(Paced):
        def __deepcopy__(self, memo): raise TypeError("holds a lock")
    found = olympics._compare_in_turns(Stuck(2.0), Paced(2.06), [0], 6)
    assert (found["protocol"]["footing"] == "as given" and found["min_effect"] == 0.05
            and found["verdict"] == "equivalent")


def test_a_system_that_interrupts_some_calls_does_not_decide(paced):
    class Interrupted(Paced):
        def forward(self, x):
            super().forward(x)
            Paced.now_ns += 20_000_000 * int(Paced.rng.random() < 0.04)   # 20 ms in one call of 25
    found = olympics._compare_in_turns(Interrupted(1.0), Interrupted(1.0), [0], pairs=40)
    assert found["verdict"] == "equivalent" and found["ci_low"] == found["ci_high"] == 1


def test_copies_are_made_alike_whatever_the_models_come_from():
    model, rng = SimpleMLP(4, 3, 2), np.random.default_rng(0)
    model.fc2.weight = model.fc1.weight   # shared memory stays shared
    loaded = pickle.loads(pickle.dumps(model))
    # what a pickle does, and why a copy alone is not alike
    assert loaded.fc1.weight.data.dtype is not np.dtype(np.float32)
    copies, footing = olympics._copies((model, loaded), rng)
    assert footing == "copies" and not {id(model), id(loaded)} & set(map(id, copies))
    for made in copies:
        for old, new in zip(model.parameters(), made.parameters()):
            assert (new.data.dtype is np.dtype(np.float32) and np.array_equal(old.data, new.data)
                    and not np.shares_memory(old.data, new.data))
        assert made.fc1.weight.data is made.fc2.weight.data
    assert not np.shares_memory(*(made.fc1.weight.data for made in copies))


def test_a_comparison_in_turns_ends(paced, monkeypatch):
    ticks = iter(range(0, 10_000, 100))
    monkeypatch.setattr(olympics.time, "monotonic", lambda: next(ticks))
    assert olympics._compare_in_turns(Paced(1.0), Paced(1.0), [0], 40)["pairs"] == 6
    with pytest.raises(ValueError, match="pairs: got 5, expected at least 6"):
        olympics._compare_in_turns(Paced(1.0), Paced(1.0), [0], 5)
    monkeypatch.setattr(olympics.time, "perf_counter_ns", lambda: 7)
    with pytest.raises(ValueError, match="resolution"): olympics._compare_in_turns(Paced(1.0), Paced(1.0), [0], 6)


@pytest.mark.parametrize("n", [6, 7, 8, 9, 20, 39, 40, 100])
def test_the_interval_of_a_median_against_the_binomial(n):
    # fewer than `rank` values below the median
    def outside(rank): return sum(math.comb(n, k) for k in range(rank)) / 2**n
    median, low, high = olympics._median_interval([float(i) for i in reversed(range(1, n + 1))])
    assert median == (n + 1) / 2 and low + high == n + 1
    assert outside(int(low)) <= 0.025 < outside(int(low) + 1)


def test_a_comparison_in_turns_fits_the_schema(report):
    optimized = pair(report)
    optimized.comparison = olympics._compare_in_turns(SimpleMLP(), SimpleMLP(), [Tensor(np.ones((1, 10)))], pairs=6,
                                                      block_ms=0.2)
    assert validate_submission_schema(generate_submission(report, optimized))


def test_a_submission_carries_a_comparison_without_its_blocks(report):
    from tinytorch.benchmarking import compare_latency
    optimized = pair(report)
    optimized.comparison = compare_latency(abs, abs, [1], pairs=6, block_s=0.001, warmup_s=0, progress=False)
    claim = generate_submission(report, optimized)["improvements"]["comparison"]
    assert claim == optimized.comparison.to_dict(blocks=False) and "baseline_ms" not in claim
    assert claim.keys() < optimized.comparison.to_dict().keys()


# -- each number by an independent oracle ------------------------------------------------------------------------------

@pytest.mark.parametrize("k, n", [(0, 1), (1, 1), (0, 40), (1, 40), (20, 40), (39, 40), (40, 40), (345, 355)])
def test_the_accuracy_interval_solves_its_equation(k, n):
    "Wilson's bounds are the p at which the share k / n lies 1.96 standard errors of p away."
    found = olympics._accuracy_interval(k / n, n)
    low, high = found["accuracy_ci_low"], found["accuracy_ci_high"]
    assert 0 <= low <= k / n <= high <= 1 and low < high
    for p in (low, high):
        if 0 < p < 1: assert abs(k / n - p) == pytest.approx(1.96 * math.sqrt(p * (1 - p) / n), abs=1e-9)
    assert (low == pytest.approx(0, abs=1e-12)) == (k == 0) and (high == pytest.approx(1)) == (k == n)


def test_a_summary_and_a_table_say_the_numbers_of_the_report():
    report = BenchmarkReport("mlp")
    report.timestamp = "2026-01-02T03:04:05.678+00:00"
    report.metrics = {"num_runs": 80, "latency_ms_mean": 1.2345678, "latency_ms_std": 0.25,
                      "throughput_samples_per_sec": 810.0005, "accuracy": 0.97183, "model_size_mb": 3 / 1024}
    assert repr(report) == "BenchmarkReport('mlp', n=80, 1.235 +- 0.25 ms, 810 samples/s, accuracy 0.972, 3 KiB)"
    del report.metrics["num_runs"]
    assert "n=?," in repr(report)
    table = report._repr_html_()
    assert (table.startswith("<table><caption>mlp, 2026-01-02T03:04:05</caption><tr><td>latency_ms_mean</td>")
            and table.endswith("</td></tr></table>"))
    assert ">1.23457</td>" in table and table.count("<tr>") == 5


@pytest.mark.parametrize("n", [1, 2, 5, 36, 37, 72, 368, 400])
def test_percentiles_lie_between_the_right_ranks(n):
    values = list(np.random.default_rng(n).permutation(n) + 1.0)
    found = olympics._percentiles(values)
    assert found["latency_ms_median"] == (n + 1) / 2
    for percent in (90, 95, 99):
        if f"latency_ms_p{percent}" in found:
            assert found[f"latency_ms_p{percent}"] == pytest.approx(1 + (n - 1) * percent / 100)


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_runs_for_a_percentile_are_the_fewest_that_may_miss_it_at_most_once_in_forty(percent):
    runs = olympics._runs_for(percent)
    assert (percent / 100) ** runs <= 0.025 < (percent / 100) ** (runs - 1)


def test_batch_throughput_is_the_best_of_five_calls(monkeypatch):
    now, costs = [0], iter([9e6, 4e6, 5e6, 8e6, 6e6, 1.0])
    monkeypatch.setattr(olympics.time, "perf_counter_ns", lambda: now[0])
    class Varies:
        def forward(self, x): now[0] += next(costs)
    assert (olympics._batch_throughput(Varies(), Tensor(np.zeros((8, 3))))
            == {"batch_size": 8, "batch_throughput_samples_per_sec": 8 / 4e-3})
    assert next(costs) == 1.0
    monkeypatch.setattr(olympics.time, "perf_counter_ns", lambda: 7)
    assert olympics._batch_throughput(Gives(np.zeros((8, 3))), Tensor(np.zeros((8, 3)))) == {}


def test_warm_up_is_ten_calls_of_their_own_and_the_first_is_the_cold_start(monkeypatch):
    now, calls = [0], []
    monkeypatch.setattr(olympics.time, "perf_counter_ns", lambda: now[0])
    class Counts:
        def forward(self, x):
            calls.append(x.data[0, 0])
            now[0] += 1_000_000 * len(calls)
    samples, cold_ms = olympics._time_calls(Counts(), Tensor(np.arange(6)[:, None]), 5)
    assert samples == [11.0, 12.0, 13.0, 14.0, 15.0] and cold_ms == 1.0 and calls == [i % 6 for i in range(15)]
    calls.clear()
    assert olympics._time_calls(Counts(), Tensor(np.arange(6)[:, None]), 2, warmup_runs=1) == ([2.0, 3.0], 1.0)
    assert olympics.WARMUP_RUNS == 10


def test_digests_depend_on_type_shape_and_bytes_alone():
    import hashlib

    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert (olympics._sha256(a) == hashlib.sha256(b"<f4(2, 3)" + a.tobytes()).hexdigest()
            == olympics._sha256(np.asfortranarray(a)))
    assert len({olympics._sha256(b) for b in (a, a.T, a.ravel(), a.astype(np.float64), a.astype(">f4"), a + 1)}) == 6


def test_labels_at_the_edges():
    assert olympics._class_labels(np.array([0, 2**62 - 1]), 2).tolist() == [0, 2**62 - 1]
    for wrong in (np.array([0, 2**62]), np.array([-1, 0])):
        with pytest.raises(ValueError, match="expected class indices from 0"): olympics._class_labels(wrong, 2)
    assert olympics._class_labels((1, 2), 2).tolist() == [1, 2]
    assert olympics._accuracy(np.eye(3), [0, 1, 1]) == 2 / 3 and olympics._accuracy(np.eye(3), (0, 1, 2)) == 1.0
    with pytest.raises(ValueError, match="got class 3, expected at most 2: the scores have 3 classes"):
        olympics._accuracy(np.eye(3), [0, 1, 3])


@pytest.mark.parametrize("depth, well", [(199, True), (201, False)])
def test_a_nest_may_have_200_levels(report, depth, well):
    nest = value = {}
    for _ in range(depth - 1): value = value.setdefault("x", {})
    submission = {**generate_submission(report), "nest": nest}
    if well: assert validate_submission_schema(submission)
    else:
        with pytest.raises(AssertionError, match="more than 200 levels"): validate_submission_schema(submission)


def test_system_info_is_that_of_this_machine(monkeypatch):
    import platform

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    found = BenchmarkReport().system_info
    assert (found["platform"] == platform.platform() and found["python_version"] == platform.python_version()
            and found["numpy_version"] == np.__version__)
    assert found["machine"] == platform.machine() and found["cpu_model"] and found["blas_threads"] == "3"
    if hasattr(os, "sched_getaffinity"): assert found["cpu_cores"] == len(os.sched_getaffinity(0))
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    assert BenchmarkReport().system_info["blas_threads"] == "5"
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert BenchmarkReport().system_info["blas_threads"] == "default"
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert BenchmarkReport().system_info["cpu_cores"] == 1
    monkeypatch.setattr("builtins.open", lambda *a, **k: (_ for _ in ()).throw(OSError("no such file")))
    assert olympics._cpu_model() == (platform.machine() or "unknown")


def test_improvements_are_before_over_after():
    before = {"latency_ms_mean": 20.0, "latency_ms_median": 18.0, "model_size_mb": 8.0, "accuracy": 0.95}
    after = {"latency_ms_mean": 5.0, "latency_ms_median": 6.0, "model_size_mb": 2.0, "accuracy": 0.9}
    assert (olympics._improvements(before, after)
            == {"speedup": 3.0, "speedup_basis": "median", "compression_ratio": 4.0, "accuracy_delta": 0.9 - 0.95})
    for side in (before, after):
        lacking = {name: value for name, value in side.items() if name != "latency_ms_median"}
        found = olympics._improvements(*(lacking if m is side else m for m in (before, after)))
        assert (found["speedup"], found["speedup_basis"]) == (4.0, "mean")


@pytest.mark.parametrize("event, floor", [("latency_sprint", 0.85), ("memory_challenge", 0.85), ("extreme_push", 0.8),
                                          ("all_around", 0.0)])
def test_the_floor_of_an_event_is_in(event, floor):
    metrics = {"accuracy": floor, "latency_ms_median": 1e6, "model_size_mb": 1e6}
    assert (qualifies_event(metrics, event) is True
            and (floor == 0 or qualifies_event({**metrics, "accuracy": math.nextafter(floor, 0)}, event) is False))


def test_migration_keeps_the_later_version_by_number():
    assert olympics.migrate_submission({"schema_version": "1.10"})["schema_version"] == "1.10"
    assert (olympics.migrate_submission({"schema_version": "1.0"})["schema_version"] == olympics.SCHEMA_VERSION
            == olympics.migrate_submission({})["schema_version"])


@pytest.mark.parametrize("claim, agrees", [(2 * (1 + 0.9e-6), True), (2 * (1 + 3e-6), False), (2 * (1 - 0.9e-6), True),
                                           (2 * (1 - 3e-6), False)])
def test_claims_may_be_a_millionth_off(claim, agrees):
    submission = copy.deepcopy(BASE) | {"improvements": {"speedup": claim}}
    assert (list(olympics.rule_improvements_agree(submission)) == []) == agrees
    delta = copy.deepcopy(BASE) | {"improvements": {"accuracy_delta": -0.25 + (0.9e-9 if agrees else 3e-6)}}
    assert (list(olympics.rule_improvements_agree(delta)) == []) == agrees
    throughput = copy.deepcopy(BASE)
    throughput["baseline"]["metrics"]["throughput_samples_per_sec"] = 125 * claim
    assert (list(olympics.rule_throughput_agrees(throughput)) == []) == agrees
    assert list(olympics.rule_throughput_agrees({name: value for name, value in throughput.items()
                                                 if name != "schema_version"})) == []


@pytest.mark.parametrize("wrapped", [SimpleNamespace, lambda data: data.tolist()], ids=["data alone", "list"])
def test_scores_in_any_wrapping_are_read(model, wrapped):
    report, other = BenchmarkReport(), copy.deepcopy(model)
    other.forward = lambda x: wrapped(data=model(x).data)
    report.benchmark_model(other, X, y, num_runs=2)
    assert report.metrics["accuracy"] == np.mean(model(Tensor(X)).data.argmax(axis=1) == y)


def test_scores_of_one_class_are_scores_and_of_none_are_not():
    assert olympics._class_scores(np.zeros((3, 1)), 3).shape == (3, 1)
    with pytest.raises(ValueError, match=r"got shape \(3, 0\)"): olympics._class_scores(np.zeros((3, 0)), 3)

