# mistake: compression of parameter counts, not of bytes
# cell: part3-improvements
# loses: part3-improvements-deltas
# --- old
            "compression_ratio": before["model_size_mb"] / after["model_size_mb"],
# --- new
            "compression_ratio": before["parameter_count"] / after["parameter_count"],
