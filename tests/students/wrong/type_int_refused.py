# mistake: an int refused where a number is asked for
# cell: part4-type
# loses: part4-type-check
# --- old
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
# --- new
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, float if kind == "number" else _KINDS[kind])):
