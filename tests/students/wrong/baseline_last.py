# mistake: baseline and optimized are mixed up
# cell: part5-workflow
# loses: part5-workflow-check
# --- old
    submission = generate_submission(*reports, student_name=student_name, techniques_applied=list(techniques_applied))
# --- new
    submission = generate_submission(*reports[::-1], student_name=student_name, techniques_applied=list(techniques_applied))
