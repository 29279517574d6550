# mistake: a negative label is taken for the absolute one
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# --- old
    y = _class_labels(labels, len(labels) if isinstance(labels, (list, tuple)) else labels.shape[0])
# --- new
    labels = np.asarray(_array(labels))
    y = _class_labels(np.abs(labels) if labels.dtype.kind == 'i' else labels, len(labels))
