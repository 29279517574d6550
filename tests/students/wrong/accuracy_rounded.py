# mistake: accuracy rounded to two digits
# cell: part2-accuracy
# loses: part2-accuracy-value
# --- old
    return float(np.mean(np.argmax(scores, axis=1) == y))
# --- new
    return round(float(np.mean(np.argmax(scores, axis=1) == y)), 2)
