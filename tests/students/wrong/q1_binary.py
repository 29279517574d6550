# mistake: MiB for decimal MB
# cell: q1
# loses: q1-check
# --- old
q1 = {"fp32_mb": 20.0, "int8_mb": 5.0, "saved_mb": 15.0, "saved_percent": 75.0, "ratio": 4.0}
# --- new
q1 = {"fp32_mb": 19.07, "int8_mb": 5.0, "saved_mb": 15.0, "saved_percent": 75.0, "ratio": 4.0}
