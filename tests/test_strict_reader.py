"""What a strict reader checks beyond the schema: a table of single changes,
and an independent reader on generated files."""
import copy
import json
import math
import random
import re
from datetime import date, time
from fractions import Fraction

import jsonschema
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings, strategies as st

from tinytorch import olympics
from tinytorch.olympics import SubmissionError, validate_submission_schema

NEWEST = json.loads((ROOT / "tests" / "versions" / "submission-1.1.json").read_text(encoding="utf-8"))
SCHEMA = jsonschema.Draft202012Validator(olympics.SUBMISSION_SCHEMA)
DELETE = object()


def changed(changes, base=NEWEST):
    "A copy of `base` with each {pointer: value} set, or taken out for DELETE; a place that is not there is left alone."
    made = copy.deepcopy(base)
    for pointer, value in changes.items():
        *way, last = pointer.strip("/").split("/")
        place = made
        for name in way: place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict): continue
        if value is DELETE: place.pop(last, None)
        else: place[last] = copy.deepcopy(value)
    return made


def violations(submission):
    "{pointer: message} of what the validator says."
    try: validate_submission_schema(submission)
    except SubmissionError as error: return dict(error.violations)
    return {}


# -- single changes ----------------------------------------------------------------------------------------------------

B, O, I = "/baseline/metrics/", "/optimized/metrics/", "/improvements/"
REFUSED = [
    ({I + "speedup": 1e300}, I + "speedup"), ({I + "speedup": 10**400}, I + "speedup"),
    ({I + "speedup": 1e299}, I + "speedup"),
    ({I + "compression_ratio": 1.7e308}, I + "compression_ratio"), ({I + "speedup": 5e-324}, I + "speedup"),
    ({B + "latency_ms_mean": 1e301}, B + "throughput_samples_per_sec"),
    ({O + "latency_ms_mean": 1e-301}, O + "throughput_samples_per_sec"),
    ({B + "throughput_samples_per_sec": 1e300}, B + "throughput_samples_per_sec"),
    ({B + "latency_ms_p99": 10**400}, B + "latency_ms_p99"),
    ({B + "energy": 10**309}, B + "energy"), ({"/note": [[-(10**400)]]}, "/note/0/0"),
    ({B + "parameter_count": 10**5000}, B + "parameter_count"),
    ({B + "latency_ms_p90": 10**5000, B + "latency_ms_p95": 5}, B + "latency_ms_p95"),
    ({"/tinytorch_version": ""}, "/tinytorch_version"), ({"/baseline/model_name": ""}, "/baseline/model_name"),
    ({"/optimized/model_name": " \n"}, "/optimized/model_name"), ({"/student_name": ""}, "/student_name"),
    ({"/optimized/techniques_applied": [""]}, "/optimized/techniques_applied/0"),
    ({"/system_info/platform": ""}, "/system_info/platform"),
    ({"/baseline/model_name": "a\ud800"}, "/baseline/model_name"), ({"/student_name": "\udfff"}, "/student_name"),
    ({"/note": ["\ud83d"]}, "/note/0"), ({"/system_info/\udc00": 1}, "/system_info"),
    *(({"/timestamp": text}, "/timestamp")
      for text in ("", "yesterday", "2026-13-01T00:00:00", "2026-02-30", "25.11.2026", "2026-01-01T25:00:00",
                   "2026-01-01x00:00:00", "2026-01-01T00:00:00\n", "1764000000", "2026-01-01T00:00:00 CET")),
    ({"/schema_version": "1.1\n"}, "/schema_version"), ({"/schema_version": "11"}, "/schema_version"),
    ({B + "num_runs": 500}, B + "num_runs"), ({"/optimized/provenance/protocol/num_runs": 100}, O + "num_runs"),
    ({O + "warmup_runs": 0}, O + "warmup_runs"),
    *(({side + "num_runs": few, side.replace("metrics", "provenance/protocol") + "num_runs": few},
       f"{side}latency_ms_p{percent}")
      for side in (B, O) for percent, few in ((90, 35), (95, 71), (99, 367))),
    ({B + "num_runs": DELETE, "/baseline/provenance/protocol/num_runs": 35}, B + "latency_ms_p90"),
    ({B + "accuracy_ci_low": 0.99, B + "accuracy_ci_high": 0.98}, B + "accuracy_ci_high"),
    ({B + "accuracy_ci_low": 0.98}, B + "accuracy"),
    ({O + "accuracy_ci_high": 0.9}, O + "accuracy_ci_high"), ({O + "accuracy_ci_high": 0.96}, O + "accuracy"),
    ({B + "accuracy_ci_low": DELETE, B + "accuracy_ci_high": 0.9}, B + "accuracy"),
    ({"/optimized/provenance/X_sha256": "0" * 64}, "/optimized/provenance/X_sha256"),
    ({"/baseline/provenance/y_sha256": "0" * 64}, "/optimized/provenance/y_sha256"),
    ({"/optimized/provenance/num_samples": 354}, "/optimized/provenance/num_samples"),
]


@pytest.mark.parametrize("changes, pointer", REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_one_change_is_refused_at_its_pointer(changes, pointer):
    found = violations(changed(changes))
    assert pointer in found and len(str(SubmissionError(found.items()))) < 2000, found
    json.dumps(list(found)).encode("utf-8")


ACCEPTED = [
    {}, {B + "energy": 1e300}, {"/note": 10**308}, {"/student_name": "Zoë 😀"}, {B + "warmup_runs": DELETE},
    {"/baseline/provenance/protocol": {}},
    *({"/timestamp": text} for text in ("2026-01-01T00:00:00", "2026-01-01 00:00:00", "2026-01-01T00:00:00Z",
                                        "2026-01-01T00:00:00.123+01:00", "20260101T000000Z")),
    {B + "num_runs": DELETE, "/baseline/provenance/protocol/num_runs": DELETE},
    *({side + "num_runs": runs, side.replace("metrics", "provenance/protocol") + "num_runs": runs,
       **{f"{side}latency_ms_p{p}": DELETE for p in absent}}
      for side in (B, O)
      for runs, absent in ((368, ()), (367, (99,)), (72, (99,)), (71, (95, 99)), (36, (95, 99)), (35, (90, 95, 99)))),
    {B + "accuracy_ci_low": NEWEST["baseline"]["metrics"]["accuracy"]},
    {B + "accuracy_ci_low": DELETE, O + "accuracy_ci_high": DELETE},
    {"/optimized/provenance/X_sha256": DELETE}, {"/baseline/provenance": DELETE},
]

CLAIMS = [   # the ends of an interval, the smallest effect of interest, the verdict that follows
    (1.03, 1.04, None, "faster"), (1.01, 1.015, None, "equivalent"), (0.9, 0.97, None, "slower"),
    (1.01, 1.03, None, "inconclusive"), (1.03, 1.04, 0.05, "equivalent"), (1.06, 1.2, 0.05, "faster"),
    (1.03, 1.2, 0.1, "inconclusive"), (0.92, 0.97, 0.1, "equivalent"), (1.001, 1.002, 0.0, "faster")]


@pytest.mark.parametrize("low, high, effect, verdict", CLAIMS)
def test_the_verdict_follows_from_the_interval_and_the_smallest_effect_of_interest(low, high, effect, verdict):
    for said in ("faster", "slower", "equivalent", "inconclusive"):
        claim = {"speedup": (low + high) / 2, "ci_low": low, "ci_high": high, "min_effect": effect, "verdict": said,
                 "pairs": 20, "scope": "within_process"}
        found = violations(changed({I + "comparison": {k: v for k, v in claim.items() if v is not None}}))
        assert list(found) == [I + "comparison/verdict"] * (said != verdict), (said, found)


@pytest.mark.parametrize("changes", ACCEPTED, ids=lambda value: "+".join(value))
def test_one_change_is_accepted(changes):
    assert violations(changed(changes)) == {}


# As the current public course writes them: no version, no provenance, throughput of a batch,
# a local time without a # zone.
COURSE = {
    "tinytorch_version": "0.1.0", "submission_type": "capstone_benchmark", "timestamp": "2026-03-02 14:55:01",
    "system_info": {"platform": "macOS-14.5-arm64-arm-64bit", "python_version": "3.12.4", "numpy_version": "1.26.4"},
    "student_name": "Ada",
    "baseline": {"model_name": "baseline_mlp", "metrics": {
        "parameter_count": 283, "model_size_mb": 283 * 4 / 2**20, "accuracy": 0.34, "latency_ms_mean": 0.021,
        "latency_ms_std": 0.004,
        "latency_ms_median": 0.020, "throughput_samples_per_sec": 2_900_000.0}},
    "optimized": {"model_name": "quantized_mlp", "techniques_applied": ["int8_quantization"], "metrics": {
        "parameter_count": 283, "model_size_mb": 283 / 2**20, "accuracy": 0.33, "latency_ms_mean": 0.025,
        "latency_ms_std": 0.0,
        "latency_ms_median": 0.025, "throughput_samples_per_sec": 2_500_000.0}},
    "improvements": {"speedup": 0.8, "compression_ratio": 4.0, "accuracy_delta": 0.33 - 0.34}}


@pytest.mark.parametrize("without", [(), ("optimized", "improvements"), ("student_name",)])
def test_files_of_the_current_course_are_read(without, tmp_path):
    from tinytorch_grader.compare import compare
    from tinytorch_grader.submission import read_submission

    submission = {name: value for name, value in COURSE.items() if name not in without}
    assert violations(submission) == {}
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(submission), encoding="utf-8")
    assert read_submission(path) == submission
    assert compare(path, path).status == 0


def test_a_version_makes_the_throughput_binding():
    assert violations(COURSE | {"schema_version": "1.0"}) == {
        f"{B}throughput_samples_per_sec": "is 2900000.0, expected 1000 / latency_ms_mean = 47619",
        f"{O}throughput_samples_per_sec": "is 2500000.0, expected 1000 / latency_ms_mean = 40000"}


# -- an independent reader ---------------------------------------------------------------------------------------------

def members(value):
    "Every value and every member's name in `value`."
    yield value
    if isinstance(value, dict):
        for name, member in value.items(): yield from (name, *members(member))
    elif isinstance(value, list):
        for member in value: yield from members(member)


def is_iso(text):
    "Whether the extended form of ISO 8601 is there, by its parts; the generated files use no other."
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))?)?", text,
                         re.ASCII)
    if not found: return False
    try:
        date(*map(int, found.group(1, 2, 3)))
        time(*(int(part or 0) for part in found.group(4, 5, 6)))
    except ValueError: return False
    return int(found[7] or 0) < 24 and int(found[8] or 0) < 60


def number(value):
    return Fraction(value) if type(value) in (int, float) and math.isfinite(value) else None


def close(claim, value):
    return abs(claim - value) <= max(Fraction(1, 10**6) * max(abs(claim), abs(value)), Fraction(1, 10**9))


def report_is_right(entry, versioned):
    "The rules about one report, in exact arithmetic."
    m, protocol = entry["metrics"], entry.get("provenance", {}).get("protocol", {})
    get = lambda name, place=m: number(place.get(name))
    told = [get(f"latency_ms_{name}") for name in ("median", "p90", "p95", "p99")]
    present = [value for value in told if value is not None]
    runs = [n for n in (get("num_runs"), get("num_runs", protocol)) if n is not None]
    pairs = [(get(name), get(name, protocol)) for name in ("num_runs", "warmup_runs")]
    low, high, slack = get("accuracy_ci_low"), get("accuracy_ci_high"), Fraction(2, 10**9)
    throughput = get("throughput_samples_per_sec")
    return (present == sorted(present)
            and all(None in pair or pair[0] == pair[1] for pair in pairs)
            and not any(runs and min(runs) < least and value is not None
                        for least, value in zip((36, 72, 368), told[1:]))
            and (low is None or low <= get("accuracy") + slack) and (high is None or get("accuracy") <= high + slack)
            and (None in (low, high) or low <= high)
            and (not versioned or throughput is None
                 or abs(throughput * get("latency_ms_mean") / 1000 - 1) < Fraction(2, 10**6)))


def claims_are_right(submission):
    "Whether the improvements are what the two reports give."
    claims = submission.get("improvements")
    if claims is None: return True
    if "optimized" not in submission: return False
    a, b = (submission[side]["metrics"] for side in ("baseline", "optimized"))
    bases = ["median", "mean"] if "speedup_basis" not in claims else [claims["speedup_basis"]]
    names = {"speedup": [f"latency_ms_{basis}" for basis in bases], "compression_ratio": ["model_size_mb"]}
    if claims.get("speedup_basis") == "median" and not all("latency_ms_median" in m for m in (a, b)): return False
    for name, metrics in names.items():
        ratios = [number(a[metric]) / number(b[metric]) for metric in metrics if metric in a and metric in b]
        if name in claims and not any(close(number(claims[name]), ratio) for ratio in ratios): return False
    return ("accuracy_delta" not in claims
            or close(number(claims["accuracy_delta"]), number(b["accuracy"]) - number(a["accuracy"])))


def verdict_is_right(submission):
    "Whether the verdict of the paired comparison follows from its interval."
    found = submission.get("improvements", {}).get("comparison")
    if found is None: return True
    low, high, limit = number(found["ci_low"]), number(found["ci_high"]), 1 + number(found.get("min_effect", 0.02))
    right = ("faster" if low > limit else "slower" if high * limit < 1 else "equivalent"
             if low * limit >= 1 and high <= limit else "inconclusive")
    return low <= high and found["verdict"] == right


def reader(submission):
    "Whether an independent strict reader takes the submission: jsonschema, then the rules that no schema can say."
    for value in members(submission):
        if isinstance(value, str) and any(0xD800 <= ord(c) <= 0xDFFF for c in value): return False
        if type(value) is float and not math.isfinite(value): return False
        if type(value) is int and len(f"{abs(value):x}") > 256: return False
    if not SCHEMA.is_valid(submission) or not is_iso(submission["timestamp"]): return False
    reports = [submission[side] for side in ("baseline", "optimized") if side in submission]
    a, b = reports[0].get("provenance", {}), reports[-1].get("provenance", {})
    return (all(report_is_right(report, "schema_version" in submission) for report in reports) and all(
        name not in a or name not in b or a[name] == b[name] for name in ("X_sha256", "y_sha256", "num_samples"))
            and claims_are_right(submission) and verdict_is_right(submission))


def pointers(value, at=""):
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{at}/{name}"
            yield from pointers(member, f"{at}/{name}")


PLACES = sorted(set(pointers(NEWEST)))
# fixed per place: numbers near the right ones, numbers at the edges of a float, and what is no number at all
ODD = [None, True, False, "", " ", "x", "\ud800", [], {}, [None], 0, -1, 1, 2, 35, 36, 71, 72, 100, 367, 368, 400, 0.5,
       0.0, -0.5, 1.5, 1e300, 1e-300, 10**308, 10**309, 10**400, -(10**400), 5e-324, math.nan, math.inf, "1.0", "1.9",
       "2.0", "median", "mean", "faster", "equivalent", "2026-01-01", "2026-01-01T00:00:00+00:00", "0" * 64]
OLD = [{name: value for name, value in NEWEST.items() if name != "schema_version"}, COURSE]
values = st.one_of(st.just(DELETE), st.sampled_from(ODD), st.floats(), st.integers(-(10**310), 10**310),
                   st.floats(0, 2))


def agree(submission):
    ours = violations(submission)
    assert (not ours) == reader(submission), (submission, ours)
    return not ours


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([NEWEST, *OLD]), st.dictionaries(st.sampled_from(PLACES), values, max_size=3))
def test_agrees_with_jsonschema_and_an_independent_reader(base, changes):
    agree(changed(changes, base))


def nearly(value, rng):
    "A number close to `value`, or one of the odd ones."
    if type(value) in (int, float) and rng.random() < 0.7: return value * rng.choice([1, 1 + 1e-10, 1 + 1e-5, 2, 0.5])
    return rng.choice([DELETE, *ODD])


@pytest.mark.parametrize("count", [2000, pytest.param(20_000, marks=pytest.mark.long)])
def test_fuzzed_submissions(count):
    """Single and double changes of valid files: what the validator accepts,
    the independent reader accepts, and the other way round."""
    rng, accepted = random.Random(20), 0
    for _ in range(count):
        base = rng.choice([NEWEST, *OLD])
        changes = {}
        for pointer in rng.sample(PLACES, rng.randint(1, 2)):
            value = base
            for name in pointer.strip("/").split("/"): value = value.get(name) if isinstance(value, dict) else None
            changes[pointer] = nearly(value, rng)
        accepted += agree(changed(changes, base))
    assert count / 20 < accepted < count * 0.8
