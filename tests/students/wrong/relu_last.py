# mistake: layers swapped: the ReLU comes after the second layer
# cell: part1-model
# loses: part1-forward
# --- old
        return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))
# --- new
        return self.relu.forward(self.fc2.forward(self.fc1.forward(x)))
