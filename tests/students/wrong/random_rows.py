# mistake: rows at random, so that some come often and some never
# cell: part2-timing
# loses: part2-timing-samples
# --- old
        row = rows[run % len(rows)]
# --- new
        row = rows[run * run % len(rows)]
