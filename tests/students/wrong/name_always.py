# mistake: student_name is there even when none is given
# cell: part3-submission
# loses: part3-submission-fields
# --- old
    if student_name is not None: submission["student_name"] = student_name
# --- new
    submission["student_name"] = student_name
