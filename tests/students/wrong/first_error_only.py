# mistake: only the first error reported
# cell: part4-validate
# loses: part4-validate-check
# says: ^validate_submission_schema: said .* about a submission with two violations, expected both of them in one AssertionError: raise one SubmissionError that holds them all \(Part 4, The validator\)$
# --- old
    if violations: raise SubmissionError(violations)
# --- new
    if violations: raise SubmissionError(violations[:1])
