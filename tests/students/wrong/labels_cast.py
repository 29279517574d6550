# mistake: labels of any type cast to int
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# --- old
    y = _class_labels(labels, len(labels) if isinstance(labels, (list, tuple)) else labels.shape[0])
# --- new
    labels = np.asarray(_array(labels)).astype(int)
    y = _class_labels(labels, len(labels))
