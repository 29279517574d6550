# mistake: a latency or a size of 0 accepted
# cell: part4-range
# loses: part4-range-check
# --- old
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
# --- new
    if "exclusiveMinimum" in schema and value < schema["exclusiveMinimum"]:
