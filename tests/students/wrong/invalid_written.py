# mistake: invalid submissions written
# cell: part3-save
# loses: part3-save-valid
# says: validate before you write
# --- old
    validate_submission_schema(submission)
# --- new
