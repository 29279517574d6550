# style: one function for several rules, in an extra cell
# %% before part4-required
NUMBER = {"integer": lambda v: type(v) is int or type(v) is float and v.is_integer(), "number": lambda v: type(v) in (int, float)}
OTHER = {"object": dict, "array": list, "string": str}


def is_kind(value, kind):
    return NUMBER[kind](value) if kind in NUMBER else isinstance(value, OTHER[kind])


def bounds(schema):
    if "minimum" in schema: yield (lambda v: v >= schema["minimum"]), f"at least {schema['minimum']}"
    if "maximum" in schema: yield (lambda v: v <= schema["maximum"]), f"at most {schema['maximum']}"
    if "exclusiveMinimum" in schema: yield (lambda v: v > schema["exclusiveMinimum"]), f"above {schema['exclusiveMinimum']}"
# %% cell part4-type
#| export
def rule_type(value, schema, at):
    "The value has the schema's type; a bool is not a number."
    kind = schema.get("type")
    if kind is not None and not is_kind(value, kind): yield at, f"{value!r} is not of type {kind}"
# %% cell part4-range
#| export
def rule_range(value, schema, at):
    "A number lies within the schema's bounds."
    if NUMBER["number"](value):
        for holds, text in bounds(schema):
            if not holds(value): yield at, f"{value} is not {text}"
# %% cell part4-order
#| export
PERCENTILES = ["latency_ms_median", "latency_ms_p90", "latency_ms_p95", "latency_ms_p99"]


def rule_percentile_order(value, schema, at):
    "median <= p90 <= p95 <= p99, of those that are there."
    last = None
    for name in PERCENTILES if isinstance(value, dict) else []:
        if not NUMBER["number"](value.get(name)): continue
        if last is not None and value[last] > value[name]: yield _pointer(at, name), f"{value[name]} < {value[last]}"
        last = name
# %% cell part4-agree
#| export
def rule_improvements_agree(submission):
    "Improvements are what the two reports give."
    def expected():
        for kind in ("median", "mean"):
            yield "speedup", f"latency_ms_{kind}", lambda a, b: a / b
        yield "compression_ratio", "model_size_mb", lambda a, b: a / b
        yield "accuracy_delta", "accuracy", lambda a, b: b - a

    claims, allowed = submission.get("improvements"), {}
    basis = claims.get("speedup_basis") if isinstance(claims, dict) else None
    for claim, metric, formula in expected():
        if claim == "speedup" and basis and not metric.endswith(str(basis)): continue
        a, b = (_number(submission, side, "metrics", metric) for side in ("baseline", "optimized"))
        with contextlib.suppress(TypeError, ZeroDivisionError):
            value = formula(a, b)
            allowed.setdefault(claim, []).append(value)
    for claim, values in allowed.items():
        got = _number(submission, "improvements", claim)
        if got is not None and not any(abs(got - v) <= max(1e-6 * max(abs(got), abs(v)), 1e-9) for v in values):
            yield "/improvements/" + claim, f"{got} is none of {values}"
