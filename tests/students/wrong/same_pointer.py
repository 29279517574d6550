# mistake: the pointers of the baseline
# cell: part4-same
# loses: part4-same-check
# --- old
        yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")
# --- new
        yield from _violations(submission["optimized"], _OPTIMIZED, "/baseline")
