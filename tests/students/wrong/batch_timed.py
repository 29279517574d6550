# mistake: the whole batch in one call
# cell: part2-timing
# loses: part2-timing-samples
# says: 1 row a call|batch answers another question
# --- old
        model.forward(row)
# --- new
        model.forward(X)
