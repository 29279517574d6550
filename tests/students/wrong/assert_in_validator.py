# mistake: validator silent under -O
# cell: part4-validate
# loses: part4-validate-check
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    assert not violations, SubmissionError(violations)
