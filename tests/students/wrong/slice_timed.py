# mistake: the row is sliced inside the timed region
# cell: part2-timing
# loses: part2-timing-region
# says: ^_time_calls: 12 runs take 1\.75 times as long when slicing a row is slow, expected once as long: only the forward call stands .*\(Part 2, trap 1\)$
# --- old
        row = rows[run % len(rows)]
        start = time.perf_counter_ns()
        model.forward(row)
# --- new
        start = time.perf_counter_ns()
        model.forward(X[run % X.shape[0]:run % X.shape[0] + 1])
