# mistake: NaN and infinity are never reported
# cell: part4-finite
# loses: part4-finite-check
# --- old
    if isinstance(value, float) and not math.isfinite(value):
        yield at, f"is {value}, expected a finite number"
# --- new
    return ()
