# mistake: the pointer of what is not there
# cell: part4-need
# loses: part4-need-check
# --- old
        yield "/improvements", "are given without an optimized report"
# --- new
        yield "/optimized", "are given without an optimized report"
