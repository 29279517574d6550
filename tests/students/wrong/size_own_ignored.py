# mistake: a model that knows its size is not asked
# cell: part2-size
# loses: part2-size-bytes
# --- old
    if hasattr(model, "size_bytes"):
        return int(model.size_bytes())
# --- new
