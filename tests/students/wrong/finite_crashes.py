# mistake: crashes on what is no number
# cell: part4-finite
# loses: part4-finite-check
# --- old
    if isinstance(value, float) and not math.isfinite(value):
# --- new
    if not math.isfinite(value):
