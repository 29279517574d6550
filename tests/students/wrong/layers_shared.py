# mistake: models of the same sizes share their layers
# cell: part1-model
# loses: part1-layers
# --- old
        self.fc1 = Linear(input_size, hidden_size)
# --- new
        shared = SimpleMLP.__dict__.get('cache', {})
        SimpleMLP.cache = shared
        key = input_size, hidden_size, output_size
        shared.setdefault(key, (Linear(input_size, hidden_size), Linear(hidden_size, output_size)))
        self.fc1, self.fc2 = shared[key]
# --- old
        self.fc2 = Linear(hidden_size, output_size)
# --- new
