# mistake: equal percentiles refused
# cell: part4-order
# loses: part4-order-check
# --- old
        if value[lower] > value[higher]:
# --- new
        if value[lower] >= value[higher]:
