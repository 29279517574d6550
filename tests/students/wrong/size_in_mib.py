# mistake: MiB in place of bytes
# cell: part2-size
# loses: part2-size-bytes
# --- old
    return own + sum(array.nbytes for array in arrays.values())
# --- new
    return (own + sum(array.nbytes for array in arrays.values())) / 2**20
