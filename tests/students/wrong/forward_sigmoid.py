# mistake: another activation than ReLU in forward
# cell: part1-model
# loses: part1-forward
# --- old
        return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))
# --- new
        return self.fc2.forward(Tensor(1 / (1 + np.exp(-_array(self.fc1.forward(x))))))
