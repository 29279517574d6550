"""`capstone compare`: a regression gate between two submission files. Paths in, an outcome out."""

import math
from dataclasses import dataclass, field

from .submission import NotASubmission, read_submission

OK, REGRESSION, NOT_COMPARABLE = 0, 1, 2
WORDS = {OK: "passed", REGRESSION: "regression", NOT_COMPARABLE: "could not be compared"}
POINT = 0.01  # of accuracy: a loss above it is worth a warning
ASKED_FOR = "clock", "block_s", "warmup_s", "warmup_calls"  # the rest of a paired protocol follows from the machine
PARTS = {"numpy": ("numpy_version",), "python": ("python_version",)}  # of the system; `system` is all the rest


@dataclass(frozen=True)
class Limits:
    "What the new side may lose, as shares of the base's; `None`: it is said, and does not decide."

    slowdown: float = 0.10
    accuracy_drop: float | None = None  # of 1: 0.01 is one point
    growth: float | None = None


@dataclass
class Outcome:
    "What a comparison found: an exit status, lines for people, numbers for programs."

    status: int
    lines: list[str]
    figures: dict = field(default_factory=dict)

    @property
    def text(self) -> str:
        "The lines as a terminal may show them."
        return "\n".join(map(_line, self.lines))

    def to_dict(self) -> dict:
        "Plain Python values, ready for JSON."
        return {
            "result": WORDS[self.status],
            "exit_status": self.status,
            **self.figures,
            "lines": [_line(line) for line in self.lines],
        }

    def markdown(self, title: str) -> str:
        "The outcome as a Markdown summary; text of a file stays text."
        rows = "\n".join(f"- {md(_line(line))}" for line in self.lines)
        return f"### {md(title)}: {WORDS[self.status]}\n\n{rows}\n"


def md(text: str) -> str:
    "`text` with everything escaped that Markdown or HTML would act on."
    return text.translate({ord(sign): f"&#{ord(sign)};" for sign in "&\\`*_{}[]<>#|!~@"})


def parse_share(text: str) -> float:  # "10%" or "0.1"
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


def _line(text):
    "Text from a file as one line that a terminal may show: what cannot be printed is `?`, what is long is cut."
    return "".join(c if c.isprintable() else "?" for c in text[:400]) + "..." * (len(text) > 400)


def _side(submission):
    "The model a file is about: the optimized one, where there is one."
    return submission.get("optimized", submission["baseline"])


def _pairing(submission):
    return submission.get("improvements", {}).get("comparison")


def _differing(a, b, names=None):
    """A text for each of `names` (default: all) that both dicts record, differently. What one does not record is not
    held against it."""
    names = [name for name in names or sorted(set(a) | set(b)) if name in a and name in b]
    return [f"{name} is {a[name]!r:.50} in base, {b[name]!r:.50} in new" for name in names if a[name] != b[name]]


def differences(base: dict, new: dict) -> list[tuple[str, str]]:
    """Why two submissions are not comparable, (kind, line) each: data, protocol, system, and of the system numpy and
    python."""
    a, b = (_side(submission).get("provenance", {}) for submission in (base, new))
    found = {"data": _differing(a, b, ("X_sha256", "y_sha256", "num_samples"))}
    systems = base["system_info"], new["system_info"]
    rest = sorted(set(systems[0]) & set(systems[1]) - {name for names in PARTS.values() for name in names})
    found["system"] = _differing(*systems, rest) if rest else []
    found |= {kind: _differing(*systems, names) for kind, names in PARTS.items()}
    found["protocol"] = _differing(a.get("protocol", {}), b.get("protocol", {}))
    if (a := _pairing(base)) and (b := _pairing(new)):
        found["protocol"] += _differing(a, b, ("scope", "pairs")) + _differing(
            a.get("protocol", {}), b.get("protocol", {}), ASKED_FOR
        )
    return [(kind, f"{kind}: {line}") for kind, lines in found.items() for line in lines]


def _same_baseline(base, new):
    """Whether both measured against one baseline: same name, parameters, size and accuracy (its latency was measured
    anew)."""

    def identity(side):
        return side["model_name"], *(side["metrics"][name] for name in ("parameter_count", "model_size_mb", "accuracy"))

    return identity(base["baseline"]) == identity(new["baseline"])


def _paired(base, new, limit):
    """Outcome where both files carry a paired comparison against the same baseline.

    The quotient of two intervals takes the worst ends of both, so it covers the truth at least as often as they do."""
    from tinytorch.benchmarking import verdict

    a, b = _pairing(base), _pairing(new)
    low, high, speedup = b["ci_low"] / a["ci_high"], b["ci_high"] / a["ci_low"], b["speedup"] / a["speedup"]
    found = verdict(low, high, limit)
    share = f"{100 * limit:.4g} %"
    meaning = {
        "slower": f"a regression of over {share}",
        "faster": f"over {share} faster",
        "equivalent": f"within {share}",
        "inconclusive": f"a regression of over {share} is neither proven nor ruled out; compare again with more pairs",
    }[found]
    line = f"paired, {b['scope']}: speedup {speedup:.4g} [{low:.4g}, {high:.4g}]: {found}, {meaning}"
    warned = [f"warning of {name}: {w}" for name, side in (("base", a), ("new", b)) for w in side.get("warnings", [])]
    return Outcome(
        REGRESSION if found == "slower" else OK,
        [line, *warned],
        {"basis": "paired", "speedup": speedup, "ci_low": low, "ci_high": high, "verdict": found},
    )


def _unpaired(base, new, limit, why):
    "Outcome of the plain ratio, which has no interval: the threshold is a policy, not a finding."
    a, b = (_side(submission)["metrics"] for submission in (base, new))
    basis = "median" if "latency_ms_median" in a and "latency_ms_median" in b else "mean"
    ratio = b[f"latency_ms_{basis}"] / a[f"latency_ms_{basis}"]
    slower = ratio > (1 + limit) * (1 + 1e-9)
    policy = f"a regression of over {100 * limit:.4g} %" if slower else f"accepted, at most {100 * limit:.4g} % slower"
    line = f"unpaired ({why}): {basis} latency x {ratio:.4g}, no verdict; by policy {policy}"
    return Outcome(REGRESSION if slower else OK, [line], {"basis": basis, "latency_ratio": ratio})


def _about(name, path, submission):
    "One line: which model of which file, and its numbers."
    side = _side(submission)
    m = side["metrics"]
    return (
        f"{name}: {path}, {side['model_name']!r:.50}, {m.get('latency_ms_median', m['latency_ms_mean']):.4g} ms, "
        f"accuracy {m['accuracy']:.4f}, {m['model_size_mb']:.4g} MiB"
    )


def cost(base: dict, new: dict, limits: Limits) -> Outcome:
    """What became worse in accuracy and size between the metrics `base` and `new`: a regression beyond its limit, else
    a warning."""
    drop, growth = base["accuracy"] - new["accuracy"], new["model_size_mb"] / base["model_size_mb"] - 1
    fall = f"accuracy falls from {base['accuracy']:.4f} to {new['accuracy']:.4f}"
    more = f"size grows from {base['model_size_mb']:.4g} to {new['model_size_mb']:.4g} MiB"
    status, lines = OK, []
    for found, limit, noticed, line in ((drop, limits.accuracy_drop, POINT, fall), (growth, limits.growth, 0.0, more)):
        if limit is not None and found > limit + 1e-9:
            status, lines = (
                REGRESSION,
                [*lines, f"{line}, a regression of over {100 * limit:.4g} {'points' if line is fall else '%'}"],
            )
        elif found > noticed + 1e-9:
            lines.append(f"warning: {line}")
    return Outcome(status, lines, {"accuracy_drop": drop, "size_growth": growth})


def _judged(base, new, limits):
    """Outcome for two comparable files: a verdict where both are paired against one baseline, else the policy; and what
    it cost."""
    missing = [name for name, submission in (("base", base), ("new", new)) if not _pairing(submission)]
    if missing or not _same_baseline(base, new):
        why = f"no paired comparison in {' and '.join(missing)}" if missing else "the baselines differ"
        found = _unpaired(base, new, limits.slowdown, why)
    else:
        found = _paired(base, new, limits.slowdown)
    paid = cost(_side(base)["metrics"], _side(new)["metrics"], limits)
    return Outcome(max(found.status, paid.status), found.lines + paid.lines, found.figures | paid.figures)


def compare(
    base,
    new,  # paths of two submission files
    limits=Limits(),
    force=False,  # compare although data, systems or protocols differ
    allow=(),  # kinds of difference that do not matter: system, numpy, python
) -> Outcome:
    """Whether the model of `new` is slower than that of `base`: a verdict from paired comparisons, else the ratio as a
    policy."""
    try:
        a, b = read_submission(base), read_submission(new)
        lines, found = [_about("base", base, a), _about("new", new, b)], differences(a, b)
        held = [kind for kind, _ in found if kind not in allow]
        if held and not force:
            options = [f"--allow {kind}" for kind in ("system", "numpy", "python") if kind in held]
            allowing = (
                f"{' '.join(options)} allows {'them' if len(held) > 1 else 'it'}; "
                if len(set(held)) == len(options)
                else ""
            )
            return Outcome(
                NOT_COMPARABLE,
                [*lines, *(line for _, line in found), f"not comparable; {allowing}--force compares anyway"],
            )
        judged = _judged(a, b, limits)
        noted = [f"{'allowed' if kind in allow else 'forced'}, although different, {line}" for kind, line in found]
        return Outcome(judged.status, lines + noted + judged.lines, judged.figures)
    except NotASubmission as error:
        return Outcome(NOT_COMPARABLE, [str(error)])
    except ArithmeticError:
        return Outcome(NOT_COMPARABLE, [f"{base}, {new}: a number in one of them is too large or too small to compare"])
