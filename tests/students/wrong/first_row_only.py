# mistake: first row only
# cell: part2-timing
# loses: part2-timing-samples
# says: ^_time_calls: 12 runs over 4 rows used each \[12, 0, 0, 0\] times, expected 3 times each: take the rows in rotation \(Part 2, The timing loop\)$
# --- old
        row = rows[run % len(rows)]
# --- new
        row = rows[0]
