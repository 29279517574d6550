# mistake: provenance stays empty
# cell: part2-report
# loses: part2-report-record
# --- old
        self.metrics, self.provenance = metrics, _provenance(model, X, y, int(num_runs), WARMUP_RUNS)
# --- new
        self.metrics = metrics
