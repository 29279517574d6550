# mistake: improvements without an optimized report
# cell: part3-submission
# loses: part3-submission-fields
# --- old
    if student_name is not None: submission["student_name"] = student_name
# --- new
    submission.setdefault("improvements", {})
    if student_name is not None: submission["student_name"] = student_name
