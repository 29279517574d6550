# mistake: the submission is not saved
# cell: part5-workflow
# loses: part5-workflow-check
# --- old
    save_submission(submission, filepath)
# --- new
