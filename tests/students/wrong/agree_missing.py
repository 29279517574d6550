# mistake: improvements that do not agree are never reported
# cell: part4-agree
# loses: part4-agree-check
# --- old
    def ratio(name):
        before, after = (_number(submission, side, "metrics", name) for side in ("baseline", "optimized"))
        return [before / after] if before is not None and after else []

    claims = submission.get("improvements")
    if not isinstance(claims, dict): return
    basis = claims.get("speedup_basis")
    right = {"speedup": [value for kind in ("median", "mean") if basis in (None, kind) for value in ratio(f"latency_ms_{kind}")],
             "compression_ratio": ratio("model_size_mb")}
    before, after = (_number(submission, side, "metrics", "accuracy") for side in ("baseline", "optimized"))
    right["accuracy_delta"] = [after - before] if None not in (before, after) else []
    for name, allowed in right.items():
        claim = _number(claims, name)
        if claim is not None and allowed and not any(math.isclose(claim, value, rel_tol=1e-6, abs_tol=1e-9) for value in allowed):
            yield f"/improvements/{name}", f"is {claim}, the reports give {allowed[0]:.6g}"
# --- new
    return ()
