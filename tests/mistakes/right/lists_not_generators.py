# style: rules that return lists
# %% cell part4-required
#| export
def rule_required(value, schema, at):
    "Every required member is there."
    if not isinstance(value, dict): return []
    return [(_pointer(at, name), "missing") for name in schema.get("required", []) if name not in value]
# %% cell part4-type
#| export
def rule_type(value, schema, at):
    "The value has the schema's type; a bool is not a number."
    if "type" not in schema: return []
    kind = schema["type"]
    if kind == "integer":
        fine = type(value) is int or (type(value) is float and value == int(value)) if not (isinstance(value, float) and not math.isfinite(value)) else False
    elif kind == "number":
        fine = type(value) in (int, float)
    else:
        fine = isinstance(value, {"object": dict, "array": list, "string": str}[kind])
    return [] if fine else [(at, f"{type(value).__name__} is not {kind}")]
# %% cell part4-finite
#| export
def rule_finite(value, schema, at):
    "A number is finite."
    return [(at, "not finite")] if isinstance(value, float) and (value != value or abs(value) == math.inf) else []
# %% cell part4-range
#| export
def rule_range(value, schema, at):
    "A number lies within the schema's bounds."
    if type(value) not in (int, float): return []
    found = []
    if value < schema.get("minimum", value): found.append((at, "too small"))
    if value > schema.get("maximum", value): found.append((at, "too large"))
    if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"] and value == value: found.append((at, "too small"))
    return found
# %% cell part4-order
#| export
PERCENTILES = ["latency_ms_median", "latency_ms_p90", "latency_ms_p95", "latency_ms_p99"]


def rule_percentile_order(value, schema, at):
    "median <= p90 <= p95 <= p99, of those that are there."
    if not isinstance(value, dict): return []
    have = [(name, value[name]) for name in PERCENTILES if type(value.get(name)) in (int, float)]
    return [(_pointer(at, b), "is below the percentile before it") for (_, x), (b, y) in zip(have, have[1:]) if y < x]
# %% cell part4-need
#| export
def rule_improvements_need_optimized(submission):
    "Improvements without an optimized report mean nothing."
    return [("/improvements", "of what?")] if {"improvements", "optimized"} & submission.keys() == {"improvements"} else []
# %% cell part4-same
#| export
def rule_same_for_optimized(submission):
    "The node rules hold for the optimized report too."
    return list(_violations(submission["optimized"], _OPTIMIZED, "/optimized")) if "optimized" in submission else []
