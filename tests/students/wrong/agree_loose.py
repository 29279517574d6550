# mistake: a claim that is off by less than 10 % is accepted
# cell: part4-agree
# loses: part4-agree-check
# --- old
        if claim is not None and allowed and not any(math.isclose(claim, value, rel_tol=1e-6, abs_tol=1e-9) for value in allowed):
# --- new
        if claim is not None and allowed and not any(math.isclose(claim, value, rel_tol=0.1, abs_tol=0.1) for value in allowed):
