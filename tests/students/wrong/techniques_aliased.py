# mistake: the list of techniques shared with the caller
# cell: part3-submission
# loses: part3-submission-copies
# --- old
        submission["optimized"] = {**entry(optimized_report), "techniques_applied": list(techniques_applied or [])}
# --- new
        submission["optimized"] = {**entry(optimized_report), "techniques_applied": techniques_applied or []}
