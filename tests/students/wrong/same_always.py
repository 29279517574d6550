# mistake: crashes on a baseline alone
# cell: part4-same
# loses: part4-same-check
# --- old
    if "optimized" in submission:
        yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")
# --- new
    yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")
