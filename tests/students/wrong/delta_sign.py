# mistake: accuracy delta with the wrong sign
# cell: part3-improvements
# loses: part3-improvements-deltas
# says: ^accuracy_delta: got 0\.01\d+, expected -0\.01\d+: optimized minus baseline: a loss is negative \(Part 3, Improvements\)$
# --- old
            "accuracy_delta": after["accuracy"] - before["accuracy"]}
# --- new
            "accuracy_delta": before["accuracy"] - after["accuracy"]}
