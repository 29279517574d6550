# mistake: NaN and infinite scores replaced by numbers
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# --- old
    scores = _class_scores(output, len(y))
# --- new
    scores = _class_scores(np.nan_to_num(_array(output)), len(y))
