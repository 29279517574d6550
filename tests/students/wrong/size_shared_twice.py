# mistake: an array that two parameters share is counted twice
# cell: part2-size
# loses: part2-size-bytes
# --- old
    arrays = {id(array): array for array in map(_array, model.parameters())}
# --- new
    arrays = dict(enumerate(map(_array, model.parameters())))
