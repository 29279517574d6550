# mistake: rules applied to the baseline once more, not to `optimized`
# cell: part4-same
# loses: part4-same-check
# --- old
        yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")
# --- new
        yield from _violations(submission["baseline"], _OPTIMIZED, "/optimized")
