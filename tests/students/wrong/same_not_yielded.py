# mistake: the violations are computed and not passed on
# cell: part4-same
# loses: part4-same-check
# --- old
        yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")
# --- new
        list(_violations(submission["optimized"], _OPTIMIZED, "/optimized"))
