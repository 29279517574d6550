# mistake: infinity refused, NaN accepted
# cell: part4-finite
# loses: part4-finite-check
# --- old
    if isinstance(value, float) and not math.isfinite(value):
# --- new
    if isinstance(value, float) and math.isinf(value):
