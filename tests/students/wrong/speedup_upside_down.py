# mistake: speedup upside down
# cell: part3-improvements
# loses: part3-improvements-speedup
# says: ^speedup: got 0\.25, expected 4\.0: baseline latency over optimized latency: 20 ms that became 5 ms \(Part 3, Improvements\)$
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": after[latency] / before[latency], "speedup_basis": basis,
