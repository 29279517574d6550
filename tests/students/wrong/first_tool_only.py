# mistake: only the first tool is applied
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    for tool in tools.values():
# --- new
    for tool in list(tools.values())[:1]:
