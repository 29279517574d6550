"""The regression gate between two submission files: what is compared, what is refused, and what the exit status
says."""
import copy
import json
import re
import subprocess
import sys
from html import unescape

import pytest

from tinytorch_grader.compare import OK, Limits, Outcome, compare, parse_share


def metrics(ms, accuracy=0.95, size=0.01):
    return {"parameter_count": 2410, "model_size_mb": size, "accuracy": accuracy, "latency_ms_mean": ms,
            "latency_ms_median": ms, "latency_ms_std": 0.1, "throughput_samples_per_sec": 1000 / ms}


def entry(name, ms, **more):
    protocol = {"num_runs": 100, "warmup_runs": 10, "clock": "perf_counter_ns", "batch_size": 1}
    return {"model_name": name, "metrics": metrics(ms), **more,
            "provenance": {"X_sha256": "ab" * 32, "y_sha256": "cd" * 32, "num_samples": 355, "protocol": protocol}}


def submission(ms=5.0, interval=None):
    "A submission whose optimized model takes `ms` against 20; with the paired interval of its speedup, where given."
    made = {"tinytorch_version": "0.20.0", "schema_version": "1.1", "submission_type": "capstone_benchmark",
            "timestamp": "2026-01-01T00:00:00+00:00",
            "system_info": {"platform": "Linux", "python_version": "3.12.1", "numpy_version": "2.1.0"},
            "baseline": entry("mlp", 20.0), "optimized": entry("int8", ms, techniques_applied=["int8"]),
            "improvements": {"speedup": 20 / ms, "speedup_basis": "median", "compression_ratio": 1.0,
                             "accuracy_delta": 0.0}}
    if interval:
        low, high = interval
        made["improvements"]["comparison"] = {
            "speedup": (low * high) ** 0.5, "ci_low": low, "ci_high": high, "verdict": "faster" if low > 1.02
            else "inconclusive",
            "scope": "within_process", "pairs": 40, "min_effect": 0.02, "warnings": [],
            "protocol": {"clock": "perf_counter_ns", "block_s": 0.02, "warmup_s": 0.1, "warmup_calls": 20,
                         "samples_per_block": 9}}
    return made


@pytest.fixture
def gate(tmp_path):
    "`compare` on two dicts (or bytes) written to files."
    def run(base, new, max_slowdown=0.10, **options):
        for name, content in (("base.json", base), ("new.json", new)):
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        options["limits"] = Limits(max_slowdown, options.pop("max_accuracy_drop", None),
                                   options.pop("max_growth", None))
        found = compare(tmp_path / "base.json", tmp_path / "new.json", **options)
        return found.status, found.text
    return run


def at(made, path, value):
    "A copy of `made` with `value` at `path`, or without that member where `value` is None."
    made = copy.deepcopy(made)
    *way, last = path.split("/")
    place = made
    for name in way:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made


# Without paired comparisons: a ratio, marked so, and a policy.

@pytest.mark.parametrize("ms, limit, status",
                         [(5.0, 0.1, 0), (5.49, 0.1, 0), (5.5, 0.1, 0), (5.51, 0.1, 1), (9.0, 0.1, 1), (9.0, 1.0, 0),
                                               (5.1, 0.0, 1), (5.0, 0.0, 0), (1.0, 0.0, 0)])
def test_the_ratio_of_unpaired_files_is_a_policy(gate, ms, limit, status):
    found, text = gate(submission(5.0), submission(ms), max_slowdown=limit)
    assert found == status and "unpaired (no paired comparison in base and new)" in text and f"x {ms / 5:.4g}" in text
    assert "no verdict" in text and ("a regression" in text) == (status == 1)
    assert not {"faster", "equivalent", "inconclusive"} & set(text.split())


def test_exactly_the_threshold_is_accepted_whatever_the_last_bit(gate):
    assert 3.45 / 3.0 > 1 + 0.15 and gate(submission(3.0), submission(3.45), max_slowdown=0.15)[0] == 0


def test_medians_count_where_both_have_one(gate):
    slow_mean = submission(5.0)
    slow_mean["optimized"]["metrics"] |= {"latency_ms_mean": 50.0, "throughput_samples_per_sec": 20.0}
    assert gate(submission(5.0), slow_mean)[0] == 0
    no_median = at(submission(5.0), "optimized/metrics/latency_ms_median", None) | {"improvements": {}}
    status, text = gate(no_median, slow_mean)
    assert status == 1 and "mean latency x 10" in text
    assert "mean latency x 0.1" in gate(slow_mean, no_median)[1]


def test_files_of_one_model_compare_their_baselines(gate):
    alone = [{k: v for k, v in submission().items() if k not in ("optimized", "improvements")} for _ in range(2)]
    alone[1]["baseline"] = entry("mlp", 30.0)
    assert gate(*alone)[0] == 1 and gate(*alone[::-1])[0] == 0
    assert gate(alone[0], submission(21.0))[0] == 0 and "x 1.05" in gate(alone[0], submission(21.0))[1]


# With paired comparisons: a verdict.

@pytest.mark.parametrize("base, new, word, status", [
    ((3.9, 4.1), (3.9, 4.1), "equivalent", 0), ((3.9, 4.1), (2.9, 3.1), "slower", 1),
    ((2.9, 3.1), (3.9, 4.1), "faster", 0),
    ((3.9, 4.1), (3.4, 4.0), "inconclusive", 0)])
def test_paired_files_get_a_verdict(gate, base, new, word, status):
    found, text = gate(submission(5.0, base), submission(9.0, new))  # the ratio alone would be 1.8
    assert found == status and f"]: {word}, " in text and "paired, within_process" in text and "unpaired" not in text


def test_the_interval_of_a_quotient_takes_the_worst_ends(gate):
    _, text = gate(submission(5.0, (2.0, 4.0)), submission(5.0, (3.0, 6.0)))
    assert "speedup 1.5 [0.75, 3]" in text


def test_the_threshold_is_the_smallest_effect(gate):
    files = submission(5.0, (3.99, 4.01)), submission(5.0, (3.5, 3.51))
    assert [gate(*files, max_slowdown=limit)[0] for limit in (0.10, 0.13, 0.15, 0.5)] == [1, 1, 0, 0]


def test_one_pairing_is_not_enough(gate):
    status, text = gate(submission(5.0, (3.9, 4.1)), submission(9.0))
    assert status == 1 and "unpaired (no paired comparison in new)" in text
    assert "unpaired (no paired comparison in base)" in gate(submission(5.0), submission(5.0, (3.9, 4.1)))[1]


@pytest.mark.parametrize("path, value", [("model_name", "cnn"), ("metrics/parameter_count", 9),
                                         ("metrics/accuracy", 0.5),
                                         ("metrics/model_size_mb", 0.02)])
def test_pairings_against_other_baselines_give_no_verdict(gate, path, value):
    new = at(submission(5.0, (2.9, 3.1)), f"baseline/{path}", value)
    new["improvements"] = {"comparison": new["improvements"]["comparison"]}
    status, text = gate(submission(5.0, (3.9, 4.1)), new)
    assert status == 0 and "unpaired (the baselines differ)" in text


def test_warnings_of_a_pairing_travel(gate):
    noisy = at(submission(5.0, (3.9, 4.1)), "improvements/comparison/warnings", ["IQR is 30% of the median"])
    assert "warning of new: IQR is 30% of the median" in gate(submission(5.0, (3.9, 4.1)), noisy)[1]


# What is not compared.

@pytest.mark.parametrize("path, value, words", [
    ("optimized/provenance/X_sha256", "ee" * 32, "data: X_sha256"),
    ("optimized/provenance/y_sha256", "ee" * 32, "data: y_sha256"),
    ("optimized/provenance/num_samples", 9, "data: num_samples is 355 in base, 9 in new"),
    ("system_info/platform", "Darwin", "system: platform is 'Linux' in base, 'Darwin' in new"),
    ("system_info/numpy_version", "1.26", "numpy: numpy_version"),
    ("optimized/provenance/protocol/num_runs", 400, "protocol: num_runs"),
    ("optimized/provenance/protocol/clock", "time", "protocol: clock"),
    ("improvements/comparison/scope", "across_processes", "protocol: scope"),
    ("improvements/comparison/pairs", 20, "protocol: pairs"),
    ("improvements/comparison/protocol/block_s", 0.2, "protocol: block_s"),
    ("improvements/comparison/protocol/clock", "time", "protocol: clock")])
def test_other_data_systems_or_protocols_need_force(gate, path, value, words):
    def other(made):  # the same data on both sides of one file
        made = at(made, path, value)
        return at(made, path.replace("optimized", "baseline"), value) if words.startswith("data") else made

    base, new = submission(5.0, (3.9, 4.1)), other(submission(5.0, (3.9, 4.1)))
    status, text = gate(base, new)
    assert status == 2 and words in text and "--force" in text and "paired" not in text
    status, text = gate(base, new, force=True)
    assert status == 0 and f"forced, although different, {words}" in text and "equivalent" in text
    assert gate(base, other(submission(5.0, (1.9, 2.1))), force=True)[0] == 1


def test_what_follows_from_the_machine_is_no_other_protocol(gate):
    new = at(submission(5.0, (3.9, 4.1)), "improvements/comparison/protocol/samples_per_block", 5000)
    assert gate(submission(5.0, (3.9, 4.1)), new)[0] == 0


@pytest.mark.parametrize("path", ["optimized/provenance", "optimized/provenance/protocol", "system_info/numpy_version",
                                  "improvements/comparison/protocol"])
def test_what_a_file_does_not_record_is_not_held_against_it(gate, path):
    new = at(submission(5.0, (3.9, 4.1)), path, None)
    assert gate(submission(5.0, (3.9, 4.1)), new)[0] == gate(new, submission(5.0, (3.9, 4.1)))[0] == 0


@pytest.mark.parametrize("content, words", [
    (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe", "not UTF-8 (byte 0)"),
    (b"[" * 100_000, "not JSON (nested too deeply)"),
    (b"[]", "not a valid submission"), (b"{}", "and 4 more"), (b"1" * 400, "not a valid"),
    (b" " * (16 * 2**20 + 1), "over 16 MiB")])
def test_what_is_no_submission_is_one_line_and_status_2(gate, content, words):
    for files in ((content, submission()), (submission(), content)):
        for force in (False, True):
            status, text = gate(*files, force=force)
            assert status == 2 and words in text and "\n" not in text
            assert ("base.json" if files[0] is content else "new.json") in text


def test_a_byte_order_mark_is_passed_over(gate):
    assert gate(submission(), b"\xef\xbb\xbf" + json.dumps(submission()).encode())[0] == 0


def test_what_speed_cost_is_a_warning(gate):
    new = at(at(submission(4.0), "optimized/metrics/accuracy", 0.939), "optimized/metrics/model_size_mb",
             0.011) | {"improvements": {}}
    status, text = gate(submission(5.0), new)
    assert (status == 0 and text.splitlines()[-2:]
            == ["warning: accuracy falls from 0.9500 to 0.9390", "warning: size grows from 0.01 to 0.011 MiB"])
    assert "warning" not in gate(new, submission(4.0))[1]
    assert ("warning" not in gate(submission(),
                                  at(submission(), "optimized/metrics/accuracy", 0.94) | {"improvements": {}})[1])


def test_what_speed_may_cost_can_be_limited(gate):
    new = at(at(submission(4.0), "optimized/metrics/accuracy", 0.939), "optimized/metrics/model_size_mb",
             0.011) | {"improvements": {}}
    for limits, status in (({"max_accuracy_drop": 0.011}, 0), ({"max_accuracy_drop": 0.0109}, 1),
                           ({"max_growth": 0.1}, 0), ({"max_growth": 0.09}, 1)):
        found, text = gate(submission(5.0), new, **limits)
        assert found == status and ("a regression of over" in text) == (status == 1)
    assert ("accuracy falls from 0.9500 to 0.9390, a regression of over 0.5 points"
            in gate(submission(5.0), new, max_accuracy_drop=0.005)[1])
    assert ("size grows from 0.01 to 0.011 MiB, a regression of over 5 %"
            in gate(submission(5.0), new, max_growth=0.05)[1])


def test_a_kind_of_difference_can_be_allowed(gate):
    other = at(submission(5.0, (3.9, 4.1)), "system_info/numpy_version", "1.26")
    both = at(other, "system_info/platform", "Darwin")
    base = submission(5.0, (3.9, 4.1))
    assert "--allow numpy allows it" in gate(base, other)[1]
    status, text = gate(base, other, allow=("numpy",))
    assert status == 0 and "allowed, although different, numpy: numpy_version" in text
    status, text = gate(base, both, allow=("numpy",))
    assert status == 2 and "--allow system allows it" in text
    assert gate(base, both, allow=("numpy", "system"))[0] == 0
    assert gate(base, at(base, "system_info/python_version", "3.9"), allow=("numpy", "system"))[0] == 2
    data = at(at(other, "optimized/provenance/X_sha256", "ee" * 32), "baseline/provenance/X_sha256", "ee" * 32)
    status, text = gate(base, data, allow=("system", "numpy", "python"))
    assert status == 2 and "--allow" not in text and "--force" in text


def test_two_members_of_one_name_are_refused(gate):
    twice = json.dumps(submission()).replace('"baseline":', '"baseline": {}, "baseline":', 1).encode()
    for files in ((twice, submission()), (submission(), twice)):
        status, text = gate(*files, force=True)
        assert status == 2 and "'baseline' occurs twice" in text and "\n" not in text


def test_numbers_that_are_none_are_refused_by_name(gate):
    status, text = gate(submission(), at(submission(), "optimized/metrics/accuracy", float("nan")))
    assert status == 2 and "/optimized/metrics/accuracy" in text
    for name in ("accuracy", "latency_ms_median", "model_size_mb"):
        status, text = gate(submission(), at(submission(), f"optimized/metrics/{name}", 10**400))
        assert status == 2 and "new.json" in text and "\n" not in text
    false_verdict = at(submission(5.0, (3.9, 4.1)), "improvements/comparison/verdict", "slower")
    status, text = gate(submission(), false_verdict)
    assert status == 2 and "/improvements/comparison/verdict" in text


@pytest.mark.parametrize("error", [ZeroDivisionError("0"), OverflowError("inf"), FloatingPointError("nan")])
def test_arithmetic_that_fails_on_a_file_is_one_line(gate, monkeypatch, error):
    def fail(*_): raise error
    monkeypatch.setattr("tinytorch.olympics.validate_submission_schema", fail)
    status, text = gate(submission(), submission())
    assert status == 2 and "base.json: not a valid submission" in text and "\n" not in text


def test_files_that_are_not_there(tmp_path):
    assert compare(tmp_path / "no.json", tmp_path / "no.json").status == 2
    found = compare(tmp_path, tmp_path)
    assert found.status == 2 and "cannot be read" in found.text and "\n" not in found.text


def test_text_of_a_file_cannot_steer_a_terminal(gate):
    evil = at(submission(5.0, (3.9, 4.1)), "improvements/comparison/warnings", ["\x1b[2J\nnew: accepted " + "x" * 5000])
    evil["optimized"]["model_name"] = "\x1b]0;\x07\u202e"
    status, text = gate(submission(5.0, (3.9, 4.1)), evil)
    assert status == 0 and len(text.splitlines()) == 4 and max(map(len, text.splitlines())) < 500
    assert all(c.isprintable() or c == "\n" for c in text)


def test_a_file_against_itself(gate, tmp_path):
    gate(submission(5.0, (3.9, 4.1)), submission())
    found = compare(str(tmp_path / "base.json"), str(tmp_path / "base.json"))
    assert found.status == 0 and "equivalent" in found.text


@pytest.mark.parametrize("text, share", [("10%", 0.1), ("0.1", 0.1), (" 7.5 % ", 0.075), ("0", 0), ("150%", 1.5),
                                         (0.25, 0.25)])
def test_shares(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["10", "-5%", "ten", "", "%", "nan", "inf", "nan%", "inf%", "-0.1"])
def test_what_is_no_share(text):
    with pytest.raises(ValueError, match="expected a share such as 10% or 0.1"):
        parse_share(text)


def test_the_gate_needs_no_jsonschema_and_no_nbgrader(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(submission()))
    code = ("import sys; from tinytorch_grader.compare import compare; compare(sys.argv[1], sys.argv[1]); "
            "print([m for m in ('jsonschema', 'nbgrader', 'sqlalchemy', 'matplotlib') if m in sys.modules])")
    assert subprocess.check_output([sys.executable, "-c", code, str(tmp_path / "a.json")], text=True).strip() == "[]"


# The command.

def capstone(*words, code="from tinytorch_grader.__main__ import main; main()"):
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)


def test_the_command_writes_json_and_markdown(tmp_path):
    for name, ms in (("a.json", 5.0), ("b.json", 9.0)): (tmp_path / name).write_text(json.dumps(submission(ms)))
    run = capstone("compare", tmp_path / "a.json", tmp_path / "b.json", "--json", "-", "--markdown",
                   tmp_path / "out.md")
    found = json.loads(run.stdout)
    assert (run.returncode == found["exit_status"] == 1 and found["result"] == "regression"
            and found["latency_ratio"] == pytest.approx(1.8))
    assert ((tmp_path / "out.md").read_text().startswith("### a.json and b.json: regression\n\n- base: ")
            and "unpaired" in run.stderr)
    assert capstone("compare", tmp_path / "a.json", tmp_path / "b.json", "--max-slowdown", "90%").returncode == 0


def test_text_of_a_file_cannot_steer_a_summary(gate, tmp_path):
    evil = at(submission(5.0), "optimized/model_name", "<img src=x>[a](javascript:b)`**")
    gate(submission(5.0), evil)
    summary = compare(tmp_path / "base.json", tmp_path / "new.json").markdown("x")
    assert not set("<>[`*") & set(summary.partition("new: ")[2])
    signs = "[1, 2] <b> & &amp; a_b #1 | `x` \\ ~~@me~~ !"
    mistune = pytest.importorskip("mistune", reason="mistune is not installed: pip install '.[grader]'")
    page = mistune.html(Outcome(OK, [signs], {}).markdown(signs))
    assert ([unescape(line) for line in re.findall("<li>(.*)</li>|<h3>(.*): passed</h3>", page) for line in line
             if line] == [signs, signs])


@pytest.mark.parametrize("words", [["a.json"], ["a.json", "b.json", "--max-slowdown", "ten"],
                                   ["a.json", "b.json", "--allow", "data"],
                                   ["a.json", "b.json", "--json", "no/where.json"],
                                   ["a.json", "b.json", "--max-growth="], ["a.json", "b.json", "--nonsense"]])
def test_bad_usage_is_neither_a_regression_nor_a_comparison(words):
    run = capstone("compare", *words)
    assert run.returncode == 3 and run.stderr and "Traceback" not in run.stderr


def test_without_click_it_says_what_to_install():
    run = capstone("compare", "a.json", "b.json",
                   code="import sys; sys.modules['click'] = None; from tinytorch_grader.__main__ import main; main()")
    assert run.returncode == 3 and "pip install click" in run.stderr and len(run.stderr.splitlines()) == 1
