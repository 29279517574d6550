# mistake: the count of the default sizes, whatever the sizes are
# cell: part1-model
# loses: part1-count
# --- old
        return sum(_count(layer) for layer in self.layers)
# --- new
        return 283
