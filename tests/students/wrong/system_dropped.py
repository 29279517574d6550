# mistake: system_info dropped
# cell: part3-submission
# loses: part3-submission-fields
# --- old
    submission.update(system_info=copy.deepcopy(baseline_report.system_info), baseline=entry(baseline_report))
# --- new
    submission.update(baseline=entry(baseline_report))
