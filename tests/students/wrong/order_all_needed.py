# mistake: silent unless all four percentiles are there
# cell: part4-order
# loses: part4-order-check
# --- old
    for lower, higher in zip(present, present[1:]):
# --- new
    if len(present) < len(PERCENTILES): return
    for lower, higher in zip(present, present[1:]):
