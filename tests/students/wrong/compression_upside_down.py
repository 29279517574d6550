# mistake: compression ratio upside down
# cell: part3-improvements
# loses: part3-improvements-deltas
# --- old
            "compression_ratio": before["model_size_mb"] / after["model_size_mb"],
# --- new
            "compression_ratio": after["model_size_mb"] / before["model_size_mb"],
