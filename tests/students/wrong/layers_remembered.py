# mistake: forward uses the layers of construction, whatever is assigned later
# cell: part1-model
# loses: part1-layers
# --- old
        self.fc2 = Linear(hidden_size, output_size)
# --- new
        self.fc2 = Linear(hidden_size, output_size)
        self.chain = [self.fc1, self.relu, self.fc2]
# --- old
        return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))
# --- new
        for layer in self.chain: x = layer.forward(x)
        return x
