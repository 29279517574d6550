# mistake: improvements without an optimized report are never reported
# cell: part4-need
# loses: part4-need-check
# --- old
    if "improvements" in submission and "optimized" not in submission:
        yield "/improvements", "are given without an optimized report"
# --- new
    return ()
