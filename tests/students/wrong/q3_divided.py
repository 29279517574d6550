# mistake: batch time divided by batch size
# cell: q3
# loses: q3-check
# --- old
q3 = {"per_sample_ms": (100 - 10) / 32, "batch_of_one_ms": 10 + (100 - 10) / 32}
# --- new
q3 = {"per_sample_ms": 100 / 32, "batch_of_one_ms": 100 / 32}
