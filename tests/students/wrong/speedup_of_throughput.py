# mistake: time saved as a share of the old time
# cell: part3-improvements
# loses: part3-improvements-speedup
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": (before[latency] - after[latency]) / before[latency], "speedup_basis": basis,
