# mistake: a wrong type is never reported
# cell: part4-type
# loses: part4-type-check
# --- old
    kind = schema.get("type")
    whole = kind == "integer" and isinstance(value, float) and value.is_integer()
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
        yield at, f"is {_shown(value)} ({type(value).__name__}), expected {kind}"
# --- new
    return ()
