# mistake: False in place of an error
# cell: part4-validate
# loses: part4-validate-check
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    if violations: return False
