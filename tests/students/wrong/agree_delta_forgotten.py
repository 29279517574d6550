# mistake: the accuracy delta is not compared
# cell: part4-agree
# loses: part4-agree-check
# --- old
    right["accuracy_delta"] = [after - before] if None not in (before, after) else []
# --- new
    right["accuracy_delta"] = []
