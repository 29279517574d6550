# mistake: validator silent under -O
# cell: part4-validate
# loses: part4-validate-check
# says: -O removes assert
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    assert not violations, SubmissionError(violations)
