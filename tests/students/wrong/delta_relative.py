# mistake: accuracy delta relative to the baseline
# cell: part3-improvements
# loses: part3-improvements-deltas
# --- old
            "accuracy_delta": after["accuracy"] - before["accuracy"]}
# --- new
            "accuracy_delta": after["accuracy"] / before["accuracy"] - 1}
