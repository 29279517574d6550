# mistake: system_info shared with the report
# cell: part3-submission
# loses: part3-submission-copies
# --- old
    submission.update(system_info=copy.deepcopy(baseline_report.system_info), baseline=entry(baseline_report))
# --- new
    submission.update(system_info=baseline_report.system_info, baseline=entry(baseline_report))
