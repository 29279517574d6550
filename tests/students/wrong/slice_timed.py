# mistake: the row is sliced inside the timed region
# cell: part2-timing
# loses: part2-timing-region
# says: only the forward call
# --- old
        row = rows[run % len(rows)]
        start = time.perf_counter_ns()
        model.forward(row)
# --- new
        start = time.perf_counter_ns()
        model.forward(X[run % X.shape[0]:run % X.shape[0] + 1])
