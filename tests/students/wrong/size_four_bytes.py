# mistake: count * 4, also for an int8 model
# cell: part2-size
# loses: part2-size-bytes
# says: nbytes
# --- old
    return own + sum(array.nbytes for array in arrays.values())
# --- new
    return own + sum(4 * array.size for array in arrays.values())
