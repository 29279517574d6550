# mistake: layers without biases
# cell: part1-model
# loses: part1-parameters
# --- old
        self.fc1 = Linear(input_size, hidden_size)
# --- new
        self.fc1 = Linear(input_size, hidden_size, bias=False)
# --- old
        self.fc2 = Linear(hidden_size, output_size)
# --- new
        self.fc2 = Linear(hidden_size, output_size, bias=False)
