# mistake: null accepted everywhere
# cell: part4-type
# loses: part4-type-check
# --- old
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
# --- new
    if kind and value is not None and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
