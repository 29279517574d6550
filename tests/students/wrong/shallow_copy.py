# mistake: a shallow copy, whose layers are the baseline's
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    optimized, techniques = copy.deepcopy(model), []
# --- new
    optimized, techniques = copy.copy(model), []
