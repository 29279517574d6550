# mistake: the count is a NumPy number
# cell: part1-model
# loses: part1-count
# --- old
        return sum(_count(layer) for layer in self.layers)
# --- new
        return np.sum([_count(layer) for layer in self.layers])
