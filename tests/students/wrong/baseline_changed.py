# mistake: the baseline itself is changed
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    optimized, techniques = copy.deepcopy(model), []
# --- new
    optimized, techniques = model, []
