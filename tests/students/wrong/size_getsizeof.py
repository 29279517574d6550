# mistake: sys.getsizeof, which counts the object's header too
# cell: part2-size
# loses: part2-size-bytes
# --- old
    return own + sum(array.nbytes for name, array in arrays.items() if name not in theirs)
# --- new
    return own + sum(__import__('sys').getsizeof(array) for name, array in arrays.items() if name not in theirs)
