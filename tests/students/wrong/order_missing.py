# mistake: percentiles out of order are never reported
# cell: part4-order
# loses: part4-order-check
# --- old
    if not isinstance(value, dict): return
    present = [name for name in PERCENTILES if isinstance(value.get(name), (int, float))]
    for lower, higher in zip(present, present[1:]):
        if value[lower] > value[higher]:
            yield _pointer(at, higher), f"is {_shown(value[higher])}, expected at least {lower}, {_shown(value[lower])}"
# --- new
    return ()
