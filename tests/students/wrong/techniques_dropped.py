# mistake: techniques dropped
# cell: part3-submission
# loses: part3-submission-optimized
# --- old
        submission["optimized"] = {**entry(optimized_report), "techniques_applied": list(techniques_applied or [])}
# --- new
        submission["optimized"] = entry(optimized_report)
