# mistake: the paired comparison dropped
# cell: part3-submission
# loses: part3-submission-optimized
# --- old
        if comparison: submission["improvements"]["comparison"] = copy.deepcopy(comparison)
# --- new
        if False: submission["improvements"]["comparison"] = copy.deepcopy(comparison)
