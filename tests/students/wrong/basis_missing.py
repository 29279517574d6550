# mistake: speedup_basis left out
# cell: part3-improvements
# loses: part3-improvements-basis
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": before[latency] / after[latency],
