# mistake: invalid submissions written
# cell: part3-save
# loses: part3-save-valid
# --- old
    validate_submission_schema(submission)
# --- new
