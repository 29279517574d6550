# mistake: without tools, a copy of the baseline as the optimized model
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    return (optimized, techniques) if techniques else (None, [])
# --- new
    return optimized, techniques
