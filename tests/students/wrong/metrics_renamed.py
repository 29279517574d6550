# mistake: metrics beside the model's name, not under metrics
# cell: part3-submission
# loses: part3-submission-fields
# --- old
    submission.update(system_info=copy.deepcopy(baseline_report.system_info), baseline=entry(baseline_report))
# --- new
    submission.update(system_info=copy.deepcopy(baseline_report.system_info), baseline={"model_name": baseline_report.model_name, **copy.deepcopy(baseline_report.metrics)})
