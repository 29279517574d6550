# mistake: parameters lists the weights alone
# cell: part1-model
# loses: part1-parameters
# --- old
        return [*self.fc1.parameters(), *self.fc2.parameters()]
# --- new
        return [self.fc1.weight, self.fc2.weight]
