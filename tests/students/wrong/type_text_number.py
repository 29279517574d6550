# mistake: text that reads as a number accepted
# cell: part4-type
# loses: part4-type-check
# --- old
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
# --- new
    if kind and not (isinstance(value, str) and value.isdigit()) and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
