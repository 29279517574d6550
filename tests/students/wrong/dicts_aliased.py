# mistake: aliased dicts
# cell: part3-submission
# loses: part3-submission-copies
# says: ^submission: changed when its report changed, expected no change: nothing in it is shared; nested dicts need copy\.deepcopy \(Part 3, The submission\)$
# --- old
        return {"model_name": report.model_name, "metrics": copy.deepcopy(report.metrics),
# --- new
        return {"model_name": report.model_name, "metrics": report.metrics,
