# mistake: the mean is the same, so either will do
# cell: q2
# loses: q2-check
# --- old
q2_deploy = "A"
# --- new
q2_deploy = "B"
