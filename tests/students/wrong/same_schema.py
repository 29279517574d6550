# mistake: rules not applied to what only `optimized` has: the baseline's schema
# cell: part4-same
# loses: part4-same-check
# --- old
        yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")
# --- new
        yield from _violations(submission["optimized"], _ENTRY, "/optimized")
