# mistake: metrics left over after an error
# cell: part2-report
# loses: part2-report-errors
# says: ^metrics: got \d+ of them after a benchmark that failed, expected \{\}: empty them before you start \(Part 2, The report\)$
# --- old
        self.metrics, self.provenance, self.comparison = {}, {}, None
# --- new
