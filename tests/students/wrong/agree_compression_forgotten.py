# mistake: the compression ratio is not compared
# cell: part4-agree
# loses: part4-agree-check
# --- old
             "compression_ratio": ratio("model_size_mb")}
# --- new
             "compression_ratio": []}
