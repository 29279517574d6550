# mistake: aliased dicts
# cell: part3-submission
# loses: part3-submission-copies
# says: copy.deepcopy
# --- old
        return {"model_name": report.model_name, "metrics": copy.deepcopy(report.metrics),
# --- new
        return {"model_name": report.model_name, "metrics": report.metrics,
