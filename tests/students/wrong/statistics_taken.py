# mistake: whatever a tool returns takes the model's place
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
        if hasattr(returned, "forward"): optimized = returned
# --- new
        if returned is not None: optimized = returned
