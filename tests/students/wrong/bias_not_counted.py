# mistake: bias not counted
# cell: part1-model
# loses: part1-count
# says: ^count_parameters: got 260 for SimpleMLP\(.*\), expected 283: every weight and every bias counts once.*\(Part 1\)$
# --- old
        return sum(_count(layer) for layer in self.layers)
# --- new
        return int(self.fc1.weight.data.size + self.fc2.weight.data.size) if hasattr(self.fc1, 'weight') else sum(_count(layer) for layer in self.layers)
