# mistake: the baseline itself is changed
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    optimized = copy.deepcopy(model)
# --- new
    optimized = model
