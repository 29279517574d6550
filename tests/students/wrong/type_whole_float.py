# mistake: 5.0 refused as an integer
# cell: part4-type
# loses: part4-type-check
# --- old
    whole = kind == "integer" and isinstance(value, float) and value.is_integer()
# --- new
    whole = False
