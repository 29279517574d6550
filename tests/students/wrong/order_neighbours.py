# mistake: only neighbours of the list are compared, so a gap hides what lies around it
# cell: part4-order
# loses: part4-order-check
# --- old
    for lower, higher in zip(present, present[1:]):
        if value[lower] > value[higher]:
# --- new
    for lower, higher in zip(PERCENTILES, PERCENTILES[1:]):
        if lower in present and higher in present and value[lower] > value[higher]:
