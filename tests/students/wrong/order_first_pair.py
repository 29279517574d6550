# mistake: only median and p90 are compared
# cell: part4-order
# loses: part4-order-check
# --- old
    for lower, higher in zip(present, present[1:]):
# --- new
    for lower, higher in list(zip(present, present[1:]))[:1]:
