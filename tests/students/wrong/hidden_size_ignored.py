# mistake: sizes are those of the defaults, whatever is asked for
# cell: part1-model
# loses: part1-parameters
# --- old
        self.fc1 = Linear(input_size, hidden_size)
# --- new
        self.fc1 = Linear(10, 20)
# --- old
        self.fc2 = Linear(hidden_size, output_size)
# --- new
        self.fc2 = Linear(20, 3)
