# mistake: messages without their pointers
# cell: part4-validate
# loses: part4-validate-check
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    if violations: raise AssertionError("; ".join(message for _, message in violations))
