# mistake: bool accepted as a number
# cell: part4-type
# loses: part4-type-check
# says: ^rule_type: accepted a submission in which /baseline/metrics/accuracy is True, expected a violation at /baseline/metrics/accuracy: yield .*\(Part 4, Rules\)$
# --- old
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
# --- new
    if kind and not whole and not isinstance(value, _KINDS[kind]):
