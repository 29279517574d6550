# mistake: counts parameters, not the numbers in them
# cell: part1-model
# loses: part1-count
# --- old
        return sum(_count(layer) for layer in self.layers)
# --- new
        return len(self.parameters())
