# mistake: NaN refused, infinity accepted
# cell: part4-finite
# loses: part4-finite-check
# --- old
    if isinstance(value, float) and not math.isfinite(value):
# --- new
    if isinstance(value, float) and math.isnan(value):
