# mistake: 2.5 accepted as an integer
# cell: part4-type
# loses: part4-type-check
# --- old
    whole = kind == "integer" and isinstance(value, float) and value.is_integer()
# --- new
    whole = kind == "integer" and isinstance(value, float) 
