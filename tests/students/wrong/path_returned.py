# mistake: the path is returned, not the submission
# cell: part5-workflow
# loses: part5-workflow-check
# --- old
    save_submission(submission, filepath)
    return submission
# --- new
    return save_submission(submission, filepath)
