# mistake: metrics left over after an error
# cell: part2-report
# loses: part2-report-errors
# says: empty them before you start
# --- old
        self.metrics, self.provenance, self.comparison = {}, {}, None
# --- new
