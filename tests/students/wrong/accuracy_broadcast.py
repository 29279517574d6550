# mistake: predictions and labels broadcast to a table
# cell: part2-accuracy
# loses: part2-accuracy-value
# --- old
    return float(np.mean(np.argmax(scores, axis=1) == y))
# --- new
    return float(np.mean(np.argmax(scores, axis=1) == y[:, None]))
