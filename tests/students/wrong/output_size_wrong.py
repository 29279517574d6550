# mistake: the second layer gives hidden_size scores
# cell: part1-model
# loses: part1-parameters
# --- old
        self.fc2 = Linear(hidden_size, output_size)
# --- new
        self.fc2 = Linear(hidden_size, hidden_size)
