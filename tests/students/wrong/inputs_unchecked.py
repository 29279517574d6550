# mistake: inputs are not checked
# cell: part2-report
# loses: part2-report-errors
# --- old
        X, y = _checked(X_test, y_test, num_runs, model)
# --- new
        X, y = X_test if isinstance(X_test, Tensor) else Tensor(X_test), np.asarray(_array(y_test))
