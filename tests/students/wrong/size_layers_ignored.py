# mistake: a layer that knows its size is not asked
# cell: part2-size
# loses: part2-size-bytes
# --- old
    layers = {id(layer): layer for layer in getattr(model, "layers", None) or [] if hasattr(layer, "size_bytes")}
# --- new
    layers = {}
