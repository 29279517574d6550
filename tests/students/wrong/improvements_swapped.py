# mistake: improvements of the baseline over the optimized model
# cell: part3-submission
# loses: part3-submission-optimized
# --- old
        submission["improvements"] = _improvements(baseline_report.metrics, optimized_report.metrics)
# --- new
        submission["improvements"] = _improvements(optimized_report.metrics, baseline_report.metrics)
