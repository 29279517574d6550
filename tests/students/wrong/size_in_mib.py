# mistake: MiB in place of bytes
# cell: part2-size
# loses: part2-size-bytes
# --- old
    return own + sum(array.nbytes for name, array in arrays.items() if name not in theirs)
# --- new
    return (own + sum(array.nbytes for name, array in arrays.items() if name not in theirs)) / 2**20
