# mistake: parameters are copies of the layers' Tensors
# cell: part1-model
# loses: part1-parameters
# --- old
        return [*self.fc1.parameters(), *self.fc2.parameters()]
# --- new
        return [Tensor(p.data) for layer in (self.fc1, self.fc2) for p in layer.parameters()]
