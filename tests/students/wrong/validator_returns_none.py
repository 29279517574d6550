# mistake: nothing returned for a valid submission
# cell: part4-validate
# loses: part4-validate-check
# --- old
    return True
# --- new
