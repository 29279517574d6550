# mistake: a baseline alone is refused
# cell: part4-need
# loses: part4-need-check
# --- old
    if "improvements" in submission and "optimized" not in submission:
# --- new
    if "optimized" not in submission:
