# mistake: an error that is no AssertionError
# cell: part4-validate
# loses: part4-validate-check
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    if violations: raise ValueError(str(SubmissionError(violations)))
