# mistake: size in KiB
# cell: part2-report
# loses: part2-report-metrics
# --- old
            "parameter_count": _count(model), "model_size_mb": _size_bytes(model) / 2**20, "accuracy": accuracy,
# --- new
            "parameter_count": _count(model), "model_size_mb": _size_bytes(model) / 2**10, "accuracy": accuracy,
