# mistake: every report has the same name
# cell: part2-report
# loses: part2-report-record
# --- old
        self.model_name, self.metrics, self.provenance = model_name, {}, {}
# --- new
        self.model_name, self.metrics, self.provenance = "model", {}, {}
