# mistake: no upper bound
# cell: part4-range
# loses: part4-range-check
# --- old
    if "maximum" in schema and value > schema["maximum"]: yield at, f"is {_shown(value)}, expected at most {schema['maximum']}"
# --- new
