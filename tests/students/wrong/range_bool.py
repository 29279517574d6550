# mistake: speaks about bools, which another rule reports
# cell: part4-range
# loses: part4-range-check
# --- old
    if isinstance(value, bool) or not isinstance(value, (int, float)): return
# --- new
    if not isinstance(value, (int, float)): return
