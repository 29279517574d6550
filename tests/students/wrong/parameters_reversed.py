# mistake: parameters of fc2 come first
# cell: part1-model
# loses: part1-parameters
# --- old
        return [*self.fc1.parameters(), *self.fc2.parameters()]
# --- new
        return [*self.fc2.parameters(), *self.fc1.parameters()]
