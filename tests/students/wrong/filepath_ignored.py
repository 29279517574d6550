# mistake: saved to the default path
# cell: part5-workflow
# loses: part5-workflow-check
# --- old
    save_submission(submission, filepath)
# --- new
    save_submission(submission)
