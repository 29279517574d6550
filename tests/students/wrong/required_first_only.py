# mistake: the first missing member hides the others
# cell: part4-required
# loses: part4-required-check
# --- old
            if name not in value: yield _pointer(at, name), "is missing"
# --- new
            if name not in value:
                yield _pointer(at, name), "is missing"
                if at == "": return
