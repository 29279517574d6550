# mistake: (n, 1) labels accepted, compared with broadcasting
# cell: part2-accuracy
# loses: part2-accuracy-refuses
# says: ^_accuracy: gave .* for labels of shape \(3, 1\), expected a ValueError: labels are one integer class index per sample.*\(Part 2, Accuracy\)$
# --- old
    y = _class_labels(labels, len(labels) if isinstance(labels, (list, tuple)) else labels.shape[0])
# --- new
    y = np.asarray(_array(labels))
