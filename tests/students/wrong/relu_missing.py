# mistake: no ReLU between the layers
# cell: part1-model
# loses: part1-forward
# says: ^forward: off by .* on \d samples, expected relu\(x W1 \+ b1\) W2 \+ b2: check the order of the layers, and the ReLU between them alone \(Part 1\)$
# --- old
        return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))
# --- new
        return self.fc2.forward(self.fc1.forward(x))
