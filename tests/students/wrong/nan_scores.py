# mistake: NaN scores accepted
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# --- old
    scores = _class_scores(output, len(y))
# --- new
    scores = _array(output)
