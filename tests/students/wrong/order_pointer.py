# mistake: the pointer of the earlier percentile
# cell: part4-order
# loses: part4-order-check
# --- old
            yield _pointer(at, higher), f"is {_shown(value[higher])}, expected at least {lower}, {_shown(value[lower])}"
# --- new
            yield _pointer(at, lower), f"is {_shown(value[higher])}, expected at least {lower}, {_shown(value[lower])}"
