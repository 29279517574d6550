# mistake: metrics are filled and not returned
# cell: part2-report
# loses: part2-report-plain
# --- old
        return self.metrics
# --- new
