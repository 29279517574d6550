# mistake: (n, 1) labels accepted and flattened
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# --- old
    y = _class_labels(labels, len(labels) if isinstance(labels, (list, tuple)) else labels.shape[0])
# --- new
    labels = np.ravel(_array(labels))
    y = _class_labels(labels, len(labels))
