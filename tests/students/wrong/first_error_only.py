# mistake: only the first error reported
# cell: part4-validate
# loses: part4-validate-check
# says: holds them all
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    if violations: raise SubmissionError(violations[:1])
