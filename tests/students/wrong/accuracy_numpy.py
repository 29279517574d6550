# mistake: accuracy as a NumPy scalar
# cell: part2-accuracy
# loses: part2-accuracy-value
# --- old
    return float(np.mean(np.argmax(scores, axis=1) == y))
# --- new
    return np.mean(np.argmax(scores, axis=1) == y)
