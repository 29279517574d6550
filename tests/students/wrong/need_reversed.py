# mistake: an optimized report without improvements is refused
# cell: part4-need
# loses: part4-need-check
# --- old
    if "improvements" in submission and "optimized" not in submission:
# --- new
    if ("improvements" in submission) != ("optimized" in submission):
