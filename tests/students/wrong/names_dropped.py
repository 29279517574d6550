# mistake: the techniques are not named
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    return (optimized, techniques) if techniques else (None, [])
# --- new
    return (optimized, []) if techniques else (None, [])
