# mistake: parameter_count counts bytes
# cell: part2-report
# loses: part2-report-metrics
# --- old
            "parameter_count": _count(model), "model_size_mb": _size_bytes(model) / 2**20, "accuracy": accuracy,
# --- new
            "parameter_count": _size_bytes(model), "model_size_mb": _size_bytes(model) / 2**20, "accuracy": accuracy,
