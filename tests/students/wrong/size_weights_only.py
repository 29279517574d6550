# mistake: vectors are left out, biases with them
# cell: part2-size
# loses: part2-size-bytes
# --- old
    arrays = {id(array): array for array in map(_array, model.parameters())}
# --- new
    arrays = {id(array): array for array in map(_array, model.parameters()) if array.ndim > 1}
