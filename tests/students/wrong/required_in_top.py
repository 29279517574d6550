# mistake: only the top level is looked at
# cell: part4-required
# loses: part4-required-check
# --- old
    if isinstance(value, dict):
# --- new
    if isinstance(value, dict) and at == "":
