# mistake: no absolute tolerance, so a difference of almost 0 is refused
# cell: part4-agree
# loses: part4-agree-check
# --- old
        if claim is not None and allowed and not any(math.isclose(claim, value, rel_tol=1e-6, abs_tol=1e-9) for value in allowed):
# --- new
        if claim is not None and allowed and not any(math.isclose(claim, value, rel_tol=1e-6) for value in allowed):
