# mistake: the model that a tool returns is ignored
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
        optimized = optimized if changed is None else changed
# --- new
