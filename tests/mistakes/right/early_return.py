# style: a return for each case that needs nothing
# %% cell part4-type
#| export
def rule_type(value, schema, at):
    "The value has the schema's type; a bool is not a number."
    expected = schema.get("type")
    if expected is None: return
    if isinstance(value, bool):
        yield at, "is a bool"
        return
    if expected == "number" and isinstance(value, (int, float)): return
    if expected == "integer" and isinstance(value, int): return
    if expected == "integer" and isinstance(value, float) and value.is_integer(): return
    if expected == "string" and isinstance(value, str): return
    if expected == "object" and isinstance(value, dict): return
    if expected == "array" and isinstance(value, list): return
    yield at, f"is a {type(value).__name__}, not a {expected}"
# %% cell part4-range
#| export
def rule_range(value, schema, at):
    "A number lies within the schema's bounds."
    if isinstance(value, bool): return
    if not isinstance(value, (int, float)): return
    low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if low is not None and value < low:
        yield at, "is too low"
        return
    if high is not None and value > high:
        yield at, "is too high"
        return
    if above is not None and value <= above:
        yield at, "is not positive"
# %% cell part4-agree
#| export
def rule_improvements_agree(submission):
    "Improvements are what the two reports give."
    claims = submission.get("improvements")
    if not isinstance(claims, dict): return
    close = lambda a, b: math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
    number = lambda side, name: _number(submission, side, "metrics", name)

    speedup = _number(claims, "speedup")
    if speedup is not None:
        kinds = [claims["speedup_basis"]] if claims.get("speedup_basis") in ("median", "mean") else ["median", "mean"]
        pairs = [(number("baseline", "latency_ms_" + kind), number("optimized", "latency_ms_" + kind)) for kind in kinds]
        ratios = [a / b for a, b in pairs if a is not None and b]
        if ratios and not any(close(speedup, ratio) for ratio in ratios):
            yield "/improvements/speedup", "is not what the reports give"

    compression = _number(claims, "compression_ratio")
    a, b = number("baseline", "model_size_mb"), number("optimized", "model_size_mb")
    if compression is not None and a is not None and b and not close(compression, a / b):
        yield "/improvements/compression_ratio", "is not what the reports give"

    delta = _number(claims, "accuracy_delta")
    a, b = number("baseline", "accuracy"), number("optimized", "accuracy")
    if delta is not None and a is not None and b is not None and not close(delta, b - a):
        yield "/improvements/accuracy_delta", "is not what the reports give"
