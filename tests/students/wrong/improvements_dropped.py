# mistake: improvements left out
# cell: part3-submission
# loses: part3-submission-optimized
# --- old
        submission["improvements"] = _improvements(baseline_report.metrics, optimized_report.metrics)
# --- new
        submission.setdefault("improvements", {})
