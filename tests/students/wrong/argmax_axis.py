# mistake: argmax over the samples
# cell: part2-accuracy
# loses: part2-accuracy-value
# --- old
    return float(np.mean(np.argmax(scores, axis=1) == y))
# --- new
    return float(np.mean(np.argmax(scores, axis=0)[:len(y)] == y[:scores.shape[1]]))
