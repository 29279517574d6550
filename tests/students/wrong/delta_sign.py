# mistake: accuracy delta with the wrong sign
# cell: part3-improvements
# loses: part3-improvements-deltas
# says: optimized minus baseline
# --- old
            "accuracy_delta": after["accuracy"] - before["accuracy"]}
# --- new
            "accuracy_delta": before["accuracy"] - after["accuracy"]}
