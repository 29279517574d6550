# mistake: count * 4, also for an int8 model
# cell: part2-size
# loses: part2-size-bytes
# says: ^_size_bytes: got \d+: an int8 number takes 1 byte; read nbytes \(Part 2, Size\) \[a hidden check\]$
# --- old
    return own + sum(array.nbytes for name, array in arrays.items() if name not in theirs)
# --- new
    return own + sum(4 * array.size for name, array in arrays.items() if name not in theirs)
