# mistake: no ReLU between the layers
# cell: part1-model
# loses: part1-forward
# --- old
        return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))
# --- new
        return self.fc2.forward(self.fc1.forward(x))
