# mistake: the smallest score wins
# cell: part2-accuracy
# loses: part2-accuracy-value
# --- old
    return float(np.mean(np.argmax(scores, axis=1) == y))
# --- new
    return float(np.mean(np.argmin(scores, axis=1) == y))
