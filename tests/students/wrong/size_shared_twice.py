# mistake: an array that two parameters share is counted twice
# cell: part2-size
# loses: part2-size-bytes
# --- old
            arrays.update({id(array): array for array in map(_array, part.parameters())})
# --- new
            arrays.update({(id(part), i): array for i, array in enumerate(map(_array, part.parameters()))})
