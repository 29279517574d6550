# mistake: None, from a tool that works in place, is taken for the model
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
        if hasattr(returned, "forward"): optimized = returned
# --- new
        optimized = returned
