# mistake: sys.getsizeof, which counts the object's header too
# cell: part2-size
# loses: part2-size-bytes
# --- old
    return own + sum(array.nbytes for array in arrays.values())
# --- new
    return own + sum(__import__('sys').getsizeof(array) for array in arrays.values())
