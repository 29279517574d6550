# mistake: the means, also where both have medians
# cell: part3-improvements
# loses: part3-improvements-basis
# --- old
    basis = "median" if all("latency_ms_median" in metrics for metrics in (before, after)) else "mean"
# --- new
    basis = "mean"
