# mistake: only numbers that the schema knows are looked at
# cell: part4-finite
# loses: part4-finite-check
# --- old
    if isinstance(value, float) and not math.isfinite(value):
# --- new
    if schema and isinstance(value, float) and not math.isfinite(value):
