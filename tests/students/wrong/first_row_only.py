# mistake: first row only
# cell: part2-timing
# loses: part2-timing-samples
# says: take the rows in rotation
# --- old
        row = rows[run % len(rows)]
# --- new
        row = rows[0]
