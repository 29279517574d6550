# mistake: one standard deviation for three
# cell: q2
# loses: q2-check
# --- old
q2 = {"A_ms": 10 + 3 * 0.3, "B_ms": 10 + 3 * 3.0}
# --- new
q2 = {"A_ms": 10 + 0.3, "B_ms": 10 + 3.0}
