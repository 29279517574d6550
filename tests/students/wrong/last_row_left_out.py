# mistake: the rotation leaves out the last row
# cell: part2-timing
# loses: part2-timing-samples
# --- old
        row = rows[run % len(rows)]
# --- new
        row = rows[run % max(1, len(rows) - 1)]
