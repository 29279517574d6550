# mistake: a layer that knows its size is not asked
# cell: part2-size
# loses: part2-size-bytes
# --- old
    for part in getattr(model, "layers", None) or [model]:
# --- new
    for part in [model]:
