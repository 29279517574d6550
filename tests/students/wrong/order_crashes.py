# mistake: crashes on a percentile that is text
# cell: part4-order
# loses: part4-order-check
# --- old
    present = [name for name in PERCENTILES if isinstance(value.get(name), (int, float))]
# --- new
    present = [name for name in PERCENTILES if name in value]
