# mistake: ratios compared upside down
# cell: part4-agree
# loses: part4-agree-check
# --- old
        return [before / after] if before is not None and after else []
# --- new
        return [after / before] if before and after is not None else []
