# mistake: the techniques are not named
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    return optimized, list(tools)
# --- new
    return optimized, []
