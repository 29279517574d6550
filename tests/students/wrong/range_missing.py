# mistake: a number out of range is never reported
# cell: part4-range
# loses: part4-range-check
# --- old
    if isinstance(value, bool) or not isinstance(value, (int, float)): return
    if "minimum" in schema and value < schema["minimum"]: yield at, f"is {_shown(value)}, expected at least {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]: yield at, f"is {_shown(value)}, expected at most {schema['maximum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield at, f"is {_shown(value)}, expected more than {schema['exclusiveMinimum']}"
# --- new
    return ()
