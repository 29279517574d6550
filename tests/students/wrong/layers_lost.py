# mistake: layers is a plain list, so what a tool writes into it is lost
# cell: part1-model
# loses: part1-layers
# --- old
    def layers(self): return _Layers(self, "fc1", "relu", "fc2")
# --- new
    def layers(self): return [self.fc1, self.relu, self.fc2]
