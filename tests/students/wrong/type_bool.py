# mistake: bool accepted as a number
# cell: part4-type
# loses: part4-type-check
# says: /baseline/metrics/accuracy is True
# --- old
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
# --- new
    if kind and not whole and not isinstance(value, _KINDS[kind]):
