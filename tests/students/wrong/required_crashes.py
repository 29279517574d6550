# mistake: crashes on a value that is no dict
# cell: part4-required
# loses: part4-required-check
# --- old
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value: yield _pointer(at, name), "is missing"
# --- new
    for name in schema.get("required", []):
        if name not in value.keys(): yield _pointer(at, name), "is missing"
