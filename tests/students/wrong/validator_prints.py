# mistake: violations printed, not raised
# cell: part4-validate
# loses: part4-validate-check
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    for at, message in violations: print(at, message)
