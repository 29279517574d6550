# mistake: the share of wrong answers
# cell: part2-accuracy
# loses: part2-accuracy-value
# --- old
    return float(np.mean(np.argmax(scores, axis=1) == y))
# --- new
    return float(np.mean(np.argmax(scores, axis=1) != y))
