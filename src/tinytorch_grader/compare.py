"""`capstone compare`: a regression gate between two submission files. Paths in, an exit status and a text out."""
import json
import math
from pathlib import Path

OK, REGRESSION, NOT_COMPARABLE = 0, 1, 2
POINT = 0.01        # of accuracy: a loss above it is worth a warning
LIMIT = 16 * 2**20  # bytes; a submission has a few thousand
ASKED_FOR = "clock", "block_s", "warmup_s", "warmup_calls"  # the rest of a paired protocol follows from the machine


class NotComparable(ValueError):
    "One line that says why two files are not compared."


def parse_share(text):  # "10%" or "0.1"
    "A share as a float: `10%` and `0.1` are both 0.1. Raises `ValueError` for anything else."
    text = str(text).strip()
    percent = text.endswith("%")
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not 0 <= number < (math.inf if percent else 1):
        raise ValueError(f"got {text!r}, expected a share such as 10% or 0.1")
    return number / 100 if percent else number


def not_json(error):
    "What decoding a file as JSON said, in words."
    where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
    return f"not UTF-8 (byte {error.start})" if isinstance(error, UnicodeDecodeError) else f"not JSON ({where})"


def read_submission(path):
    "The valid submission in the file at `path`. Raises `NotComparable`."
    from tinytorch.olympics import SubmissionError, validate_submission_schema
    try:
        with Path(path).open("rb") as file:
            data = file.read(LIMIT + 1)
        if len(data) > LIMIT:
            raise ValueError(f"over {LIMIT >> 20} MiB, no submission is that large")
        submission = json.loads(data.decode("utf-8-sig"))
        validate_submission_schema(submission)
    except OSError as error:
        raise NotComparable(f"{path}: cannot be read ({error.strerror}); give the path of a submission.json") from error
    except SubmissionError as error:
        (at, message), *more = error.violations
        others = f" (and {len(more)} more)" if more else ""
        raise NotComparable(f"{path}: not a valid submission: {at or '/'} {message}{others}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotComparable(f"{path}: {not_json(error)}; give a file that save_submission wrote") from error
    except (ArithmeticError, ValueError) as error:
        raise NotComparable(f"{path}: not a valid submission: {error}") from error
    return submission


def _line(text):
    "Text from a file as one line that a terminal may show: what cannot be printed is `?`, what is long is cut."
    return "".join(c if c.isprintable() else "?" for c in text[:400]) + "..." * (len(text) > 400)


def _side(submission):
    "The model a file is about: the optimized one, where there is one."
    return submission.get("optimized", submission["baseline"])


def _pairing(submission):
    return submission.get("improvements", {}).get("comparison")


def _differing(a, b, names=None):
    "A text for each of `names` (default: all) that both dicts record, differently. What one does not record is not held against it."
    names = [name for name in names or sorted(set(a) | set(b)) if name in a and name in b]
    return [f"{name} is {a[name]!r:.50} in base, {b[name]!r:.50} in new" for name in names if a[name] != b[name]]


def differences(base, new):
    "Why two submissions are not comparable, a line each: other data, another system, another protocol."
    a, b = (_side(submission).get("provenance", {}) for submission in (base, new))
    found = {"data": _differing(a, b, ("X_sha256", "y_sha256", "num_samples")),
             "system": _differing(base["system_info"], new["system_info"]),
             "protocol": _differing(a.get("protocol", {}), b.get("protocol", {}))}
    if (a := _pairing(base)) and (b := _pairing(new)):
        found["protocol"] += _differing(a, b, ("scope", "pairs")) + _differing(a.get("protocol", {}), b.get("protocol", {}), ASKED_FOR)
    return [f"{kind}: {line}" for kind, lines in found.items() for line in lines]


def _same_baseline(base, new):
    "Whether both measured against one baseline: same name, parameters, size and accuracy (its latency was measured anew)."
    def identity(side):
        return side["model_name"], *(side["metrics"][name] for name in ("parameter_count", "model_size_mb", "accuracy"))
    return identity(base["baseline"]) == identity(new["baseline"])


def _paired(base, new, limit):
    """Status and line where both files carry a paired comparison against the same baseline.

    The quotient of two intervals takes the worst ends of both, so it covers the truth at least as often as they do."""
    from tinytorch.benchmarking import verdict
    a, b = _pairing(base), _pairing(new)
    low, high = b["ci_low"] / a["ci_high"], b["ci_high"] / a["ci_low"]
    found = verdict(low, high, limit)
    share = f"{100 * limit:.4g} %"
    meaning = {"slower": f"a regression of over {share}", "faster": f"over {share} faster", "equivalent": f"within {share}",
               "inconclusive": f"a regression of over {share} is neither proven nor ruled out; compare again with more pairs"}[found]
    line = f"paired, {b['scope']}: speedup {b['speedup'] / a['speedup']:.4g} [{low:.4g}, {high:.4g}]: {found}, {meaning}"
    return (REGRESSION if found == "slower" else OK), line


def _unpaired(base, new, limit, why):
    "Status and line of the plain ratio, which has no interval: the threshold is a policy, not a finding."
    a, b = (_side(submission)["metrics"] for submission in (base, new))
    basis = "median" if "latency_ms_median" in a and "latency_ms_median" in b else "mean"
    ratio = b[f"latency_ms_{basis}"] / a[f"latency_ms_{basis}"]
    slower = ratio > (1 + limit) * (1 + 1e-9)
    policy = f"a regression of over {100 * limit:.4g} %" if slower else f"accepted, at most {100 * limit:.4g} % slower"
    return (REGRESSION if slower else OK), f"unpaired ({why}): {basis} latency x {ratio:.4g}, no verdict; by policy {policy}"


def _about(name, path, submission):
    "One line: which model of which file, and its numbers."
    side = _side(submission)
    m = side["metrics"]
    return (f"{name}: {path}, {side['model_name']!r:.50}, {m.get('latency_ms_median', m['latency_ms_mean']):.4g} ms, "
            f"accuracy {m['accuracy']:.4f}, {m['model_size_mb']:.4g} MiB")


def _cost(base, new):
    "A warning for each of accuracy and size that became worse; neither decides."
    a, b = (_side(submission)["metrics"] for submission in (base, new))
    if a["accuracy"] - b["accuracy"] > POINT * (1 + 1e-9): yield f"warning: accuracy falls from {a['accuracy']:.4f} to {b['accuracy']:.4f}"
    if b["model_size_mb"] > a["model_size_mb"] * (1 + 1e-9): yield f"warning: size grows from {a['model_size_mb']:.4g} to {b['model_size_mb']:.4g} MiB"


def _judged(base, new, limit):
    "Status and lines: a verdict where both are paired against one baseline, else the policy."
    missing = [name for name, submission in (("base", base), ("new", new)) if not _pairing(submission)]
    if missing or not _same_baseline(base, new):
        why = f"no paired comparison in {' and '.join(missing)}" if missing else "the baselines differ"
        status, line = _unpaired(base, new, limit, why)
        return status, [line]
    status, line = _paired(base, new, limit)
    return status, [line] + [f"warning of {name}: {w}" for name, submission in (("base", base), ("new", new))
                             for w in _pairing(submission).get("warnings", [])]


def compare(
    base, new, # paths of two submission files
    max_slowdown=0.10, # the share by which `new` may be slower
    force=False, # compare although data, systems or protocols differ
): # exit status (0 accepted, 1 a regression, 2 not comparable), text
    "Whether the model of `new` is slower than that of `base`: a verdict from paired comparisons, else the ratio as a policy."
    try:
        a, b = read_submission(base), read_submission(new)
        lines, found = [_about("base", base, a), _about("new", new, b)], differences(a, b)
        if found and not force:
            status, more = NOT_COMPARABLE, [*found, "not comparable; --force compares anyway"]
        else:
            status, more = _judged(a, b, max_slowdown)
            lines += [f"forced, although different, {line}" for line in found]
            more += _cost(a, b)
    except NotComparable as error:
        status, lines, more = NOT_COMPARABLE, [str(error)], []
    except ArithmeticError:
        status, lines, more = NOT_COMPARABLE, [f"{base}, {new}: a number in one of them is too large or too small to compare"], []
    return status, "\n".join(map(_line, lines + more))
