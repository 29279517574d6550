"""One file of each schema version, kept for ever: what was valid once stays valid,
and comes up to date without being changed."""
import copy
import json

import jsonschema
import numpy as np
import pytest
from conftest import ROOT

from tinytorch import olympics
from tinytorch.benchmarking import VirtualClock, compare_latency, verdict
from tinytorch.olympics import (
    SCHEMA_VERSION,
    SubmissionError,
    generate_submission,
    migrate_submission,
    validate_submission_schema,
)

FILES = sorted((ROOT / "tests" / "versions").glob("submission-*.json"))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def newest():
    return read(FILES[-1])


def test_each_version_has_its_file():
    major, minor = map(int, SCHEMA_VERSION.split("."))
    assert [path.name for path in FILES] == [f"submission-{major}.{n}.json" for n in range(minor + 1)]
    assert [read(path)["schema_version"] for path in FILES] == [f"{major}.{n}" for n in range(minor + 1)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_old_files_stay_valid(path):
    assert validate_submission_schema(read(path))
    jsonschema.Draft202012Validator(olympics.SUBMISSION_SCHEMA).validate(read(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_migration_brings_a_copy_up_and_changes_nothing_else(path):
    old = read(path)
    new = migrate_submission(old)
    assert new["schema_version"] == SCHEMA_VERSION and validate_submission_schema(new)
    assert new | {"schema_version": None} == old | {"schema_version": None} == read(path) | {"schema_version": None}
    new["baseline"]["metrics"]["accuracy"] = 0.0
    assert old == read(path) and migrate_submission(migrate_submission(old)) == migrate_submission(old)


def test_a_file_without_a_version_is_the_first_one():
    old = read(FILES[0])
    del old["schema_version"]
    assert validate_submission_schema(old) and migrate_submission(old)["schema_version"] == SCHEMA_VERSION


def test_other_majors_are_refused_and_later_minors_kept():
    with pytest.raises(ValueError, match="2.0"):
        migrate_submission(newest() | {"schema_version": "2.0"})
    with pytest.raises(SubmissionError, match="/schema_version"):
        validate_submission_schema(newest() | {"schema_version": "2.0"})
    later = newest() | {"schema_version": "1.99", "carbon": {"grams": 3}}
    assert validate_submission_schema(later) and migrate_submission(later) == later


# The paired comparison in a submission.

@pytest.mark.parametrize("low, high",
                         [(1.03, 1.2), (0.9, 0.97), (0.99, 1.01), (1.0, 1.2), (1.02, 1.02), (1 / 1.02, 1.02)])
@pytest.mark.parametrize("effect", [None, 0.02, 0.0, 0.25])
def test_the_verdict_is_recomputed_from_the_interval(low, high, effect):
    submission = newest()
    comparison = submission["improvements"]["comparison"]
    comparison |= {"ci_low": low, "ci_high": high, "min_effect": effect}
    if effect is None:
        del comparison["min_effect"]
    follows = verdict(low, high, 0.02 if effect is None else effect)
    for claim in ("faster", "slower", "equivalent", "inconclusive"):
        comparison["verdict"] = claim
        if claim == follows:
            assert validate_submission_schema(submission)
        else:
            with pytest.raises(SubmissionError, match=f"/improvements/comparison/verdict: .*{claim}.*{follows}"):
                validate_submission_schema(submission)


@pytest.mark.parametrize("name, value", [("verdict", "the same"), ("scope", "galaxy"), ("ci_low", 0),
                                         ("ci_high", -1.0), ("speedup", "2x"), ("ci_low", 1e9), ("pairs", 0),
                                         ("pairs", 1.5), ("min_effect", -0.1), ("warnings", "none"), ("warnings", [3]),
                                         ("ci_high", float("nan")), ("ci_low", True), ("protocol", "paired")])
def test_a_comparison_that_is_none_is_refused_where_it_is_wrong(name, value):
    submission = newest()
    submission["improvements"]["comparison"][name] = value
    with pytest.raises(SubmissionError, match=f"/improvements/comparison/({name}|ci_high)"):
        validate_submission_schema(submission)


@pytest.mark.parametrize("name", ["speedup", "ci_low", "ci_high", "verdict", "scope"])
def test_a_comparison_needs_its_interval_verdict_and_scope(name):
    submission = newest()
    del submission["improvements"]["comparison"][name]
    with pytest.raises(SubmissionError, match=f"/improvements/comparison/{name}: is missing"):
        validate_submission_schema(submission)


def reports():
    "Two reports as a benchmark leaves them, from the newest file."
    made = []
    for side in ("baseline", "optimized"):
        report = olympics.BenchmarkReport()
        kept = newest()
        report.__dict__ |= ({name: kept[side][name] for name in ("model_name", "metrics", "provenance")}
                            | {"system_info": kept["system_info"]})
        made.append(report)
    return made


@pytest.mark.parametrize("ms, pairs", [(1.0, 40), (0.5, 6), (1.3, 20)])
def test_a_real_comparison_fits_the_schema(ms, pairs):
    clock, rng = VirtualClock(), np.random.default_rng(0)
    sides = [lambda x, ms=ms: clock.advance(1e6 * ms * rng.lognormal(0, 0.3)) for ms in (1.0, ms)]
    comparison = compare_latency(*sides, [0], pairs, timer=clock, rng=0).to_dict()
    kept = copy.deepcopy(comparison)
    baseline, optimized = reports()
    optimized.comparison = comparison
    submission = generate_submission(baseline, optimized, techniques_applied=["int8"])
    assert validate_submission_schema(submission) and json.loads(json.dumps(submission, allow_nan=False)) == submission
    assert submission["improvements"]["comparison"] == kept and submission["schema_version"] == SCHEMA_VERSION
    assert {"ci_low", "ci_high", "verdict", "scope", "protocol"} <= set(submission["improvements"]["comparison"])
    jsonschema.Draft202012Validator(olympics.SUBMISSION_SCHEMA).validate(submission)
    comparison["protocol"]["preflight"]["cores"] = 99
    comparison["warnings"].append("later")
    assert submission["improvements"]["comparison"] == kept


@pytest.mark.parametrize("given",
                         [lambda made: made, lambda made: made.to_dict(), lambda made: made.to_dict(blocks=False)])
def test_a_comparison_is_given_as_it_comes_or_as_a_dict(given):
    clock = VirtualClock()
    made = compare_latency(*(lambda x, ms=ms: clock.advance(1e6 * ms) for ms in (2.0, 1.0)), [0], 6, timer=clock, rng=0)
    baseline, optimized = reports()
    optimized.comparison = {"speedup": 1.0}
    found = generate_submission(baseline, optimized, comparison=given(made))["improvements"]["comparison"]
    assert made.to_dict(blocks=False).items() <= found.items() and type(found) is dict and found["speedup"] == 2.0
    assert optimized.comparison == {"speedup": 1.0}
    optimized.comparison = given(made)
    assert generate_submission(baseline, optimized)["improvements"]["comparison"] == found


def test_a_comparison_without_an_optimized_report_is_refused():
    with pytest.raises(ValueError, match="comparison: got one without an optimized report"):
        generate_submission(reports()[0], comparison={"speedup": 1.0})


@pytest.mark.parametrize("effect", [-1, -2, -1e9])
def test_an_effect_below_0_is_a_violation(effect):
    submission = newest()
    submission["improvements"]["comparison"]["min_effect"] = effect
    with pytest.raises(SubmissionError, match="/improvements/comparison/min_effect: is .*expected at least 0"):
        validate_submission_schema(submission)


def test_a_comparison_is_optional():
    assert "comparison" not in generate_submission(*reports())["improvements"]
    assert "improvements" not in generate_submission(reports()[0])


def test_the_schema_knows_what_a_comparison_holds():
    known = olympics.SUBMISSION_SCHEMA["properties"]["improvements"]["properties"]["comparison"]["properties"]
    assert set(newest()["improvements"]["comparison"]) == set(known)
