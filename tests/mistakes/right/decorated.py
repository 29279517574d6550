# style: a decorator and nested functions in extra cells
# %% before part4-required
import functools


def about(*types):
    "Make a rule silent about values that are of none of `types`."
    def decorate(rule):
        @functools.wraps(rule)
        def wrapped(value, schema, at):
            return rule(value, schema, at) if isinstance(value, types) and not isinstance(value, bool) else ()
        return wrapped
    return decorate
# %% cell part4-required
#| export
@about(dict)
def rule_required(value, schema, at):
    "Every required member is there."
    return [(f"{at}/{name}", "is not there") for name in schema.get("required", []) if name not in value]
# %% cell part4-finite
#| export
@about(float)
def rule_finite(value, schema, at):
    "A number is finite."
    return [] if math.isfinite(value) else [(at, "is not finite")]
# %% cell part4-range
#| export
@about(int, float)
def rule_range(value, schema, at):
    "A number lies within the schema's bounds."
    bad = (value < schema.get("minimum", -math.inf) or value > schema.get("maximum", math.inf)
           or "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"])
    return [(at, f"{value} is out of range")] if bad else []
