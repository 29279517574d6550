# mistake: only the speedup is compared
# cell: part4-agree
# loses: part4-agree-check
# --- old
    for name, allowed in right.items():
# --- new
    for name, allowed in {"speedup": right["speedup"]}.items():
