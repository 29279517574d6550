# mistake: a missing member is never reported
# cell: part4-required
# loses: part4-required-check
# --- old
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value: yield _pointer(at, name), "is missing"
# --- new
    return ()
