# mistake: speedup upside down
# cell: part3-improvements
# loses: part3-improvements-speedup
# says: baseline latency over optimized latency
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": after[latency] / before[latency], "speedup_basis": basis,
