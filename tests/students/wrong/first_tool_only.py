# mistake: only the first tool is applied
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
    for name, tool in tools.items():
# --- new
    for name, tool in list(tools.items())[:1]:
