# mistake: speedup rounded to one digit
# cell: part3-improvements
# loses: part3-improvements-speedup
# --- old
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
# --- new
    return {"speedup": round(before[latency] / after[latency], 1), "speedup_basis": basis,
