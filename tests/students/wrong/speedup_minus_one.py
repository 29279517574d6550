# mistake: the gain over 1 in place of the speedup
# cell: part3-improvements
# loses: part3-improvements-speedup
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": before[latency] / after[latency] - 1, "speedup_basis": basis,
