# mistake: text with a percent sign is taken for a number
# cell: q5
# loses: q5-check
# --- old
q5_type = "float"
# --- new
q5_type = "str"
