# mistake: the share saved, where the share left is asked for
# cell: q4
# loses: q4-check
# --- old
q4 = {"speedup": 4.0, "share_of_time": 0.25, "traffic": 4.0}
# --- new
q4 = {"speedup": 4.0, "share_of_time": 0.75, "traffic": 4.0}
