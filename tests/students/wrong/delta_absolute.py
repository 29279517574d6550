# mistake: accuracy delta without its sign
# cell: part3-improvements
# loses: part3-improvements-deltas
# --- old
            "accuracy_delta": after["accuracy"] - before["accuracy"]}
# --- new
            "accuracy_delta": abs(after["accuracy"] - before["accuracy"])}
