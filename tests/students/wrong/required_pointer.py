# mistake: the pointer of the parent
# cell: part4-required
# loses: part4-required-check
# --- old
            if name not in value: yield _pointer(at, name), "is missing"
# --- new
            if name not in value: yield at, "is missing"
