# style: structural pattern matching
# %% cell part4-type
#| export
def rule_type(value, schema, at):
    "The value has the schema's type; a bool is not a number."
    match schema.get("type"), value:
        case None, _: pass
        case "number" | "integer", bool(): yield at, "is a bool"
        case "number", int() | float(): pass
        case "integer", int(): pass
        case "integer", float() if value.is_integer(): pass
        case "object", dict(): pass
        case "array", list(): pass
        case "string", str(): pass
        case kind, _: yield at, f"is no {kind}"
# %% cell part4-finite
#| export
def rule_finite(value, schema, at):
    "A number is finite."
    match value:
        case float() if not math.isfinite(value):
            yield at, "is no finite number"
# %% cell part4-need
#| export
def rule_improvements_need_optimized(submission):
    "Improvements without an optimized report mean nothing."
    match submission:
        case {"improvements": _, "optimized": _}: pass
        case {"improvements": _}: yield "/improvements", "without optimized"
# %% cell part4b-optimize
def optimize_model(
    model, # the baseline; it stays as it is
    tools, # technique name -> function(model) -> changed model, or None when it changed it in place
): # (optimized model or None, names of the techniques applied)
    "Apply every tool to a copy of `model`."
    current, names_applied = copy.deepcopy(model), []
    for name, tool in tools.items():
        before = fingerprint(current)
        match tool(current):
            case object(forward=_) as other: current = other
            case _: pass
        if fingerprint(current) == before: continue
        names_applied.append(name)
    return (current, names_applied) if names_applied else (None, [])
