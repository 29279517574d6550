# mistake: a quantized layer, which keeps its own count, counts as nothing
# cell: part1-model
# loses: part1-count
# --- old
        return sum(_count(layer) for layer in self.layers)
# --- new
        return sum(int(_array(p).size) for p in self.parameters())
