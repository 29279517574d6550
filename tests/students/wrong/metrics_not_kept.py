# mistake: metrics are returned and not kept
# cell: part2-report
# loses: part2-report-plain
# --- old
        self.metrics, self.provenance = metrics, _provenance(model, X, y, int(num_runs), WARMUP_RUNS)
        return self.metrics
# --- new
        self.provenance = _provenance(model, X, y, int(num_runs), WARMUP_RUNS)
        return metrics
