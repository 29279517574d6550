# mistake: a label beyond the classes counts as a wrong answer
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# --- old
    if y.max() >= scores.shape[1]:
# --- new
    if False:
