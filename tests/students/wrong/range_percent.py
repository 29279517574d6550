# mistake: accuracy up to 100 accepted
# cell: part4-range
# loses: part4-range-check
# --- old
    if "maximum" in schema and value > schema["maximum"]: yield at, f"is {_shown(value)}, expected at most {schema['maximum']}"
# --- new
    if "maximum" in schema and value > 100: yield at, f"is {_shown(value)}, expected at most {schema['maximum']}"
