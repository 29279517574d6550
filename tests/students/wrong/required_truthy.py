# mistake: a member that is 0 counts as missing
# cell: part4-required
# loses: part4-required-check
# --- old
            if name not in value: yield _pointer(at, name), "is missing"
# --- new
            if not value.get(name): yield _pointer(at, name), "is missing"
