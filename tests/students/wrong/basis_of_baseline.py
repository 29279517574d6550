# mistake: median over mean where only the baseline has a median
# cell: part3-improvements
# loses: part3-improvements-basis
# --- old
    basis = "median" if all("latency_ms_median" in metrics for metrics in (before, after)) else "mean"
# --- new
    basis = "median" if "latency_ms_median" in before else "mean"
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": before[latency] / after.get(latency, after["latency_ms_mean"]), "speedup_basis": basis,
