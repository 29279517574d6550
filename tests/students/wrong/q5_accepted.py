# mistake: 92 counted as accepted
# cell: q5
# loses: q5-check
# --- old
q5 = {"low": 0, "high": 1, "accepted": 2}
# --- new
q5 = {"low": 0, "high": 1, "accepted": 3}
