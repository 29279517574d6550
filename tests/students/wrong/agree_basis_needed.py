# mistake: without speedup_basis only the median will do
# cell: part4-agree
# loses: part4-agree-check
# --- old
    right = {"speedup": [value for kind in ("median", "mean") if basis in (None, kind) for value in ratio(f"latency_ms_{kind}")],
# --- new
    right = {"speedup": [value for kind in ("median", "mean") if (basis or "median") == kind for value in ratio(f"latency_ms_{kind}")],
