# mistake: the model that a tool returns is ignored
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
        if hasattr(returned, "forward"): optimized = returned
# --- new
