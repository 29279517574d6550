# mistake: a standard deviation of 0 refused
# cell: part4-range
# loses: part4-range-check
# --- old
    if "minimum" in schema and value < schema["minimum"]: yield at, f"is {_shown(value)}, expected at least {schema['minimum']}"
# --- new
    if "minimum" in schema and value <= schema["minimum"]: yield at, f"is {_shown(value)}, expected at least {schema['minimum']}"
