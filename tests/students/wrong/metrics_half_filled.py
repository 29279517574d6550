# mistake: metrics filled while measuring, so that half of them stay after an error
# cell: part2-report
# loses: part2-report-errors
# --- old
        with _measuring():
# --- new
        self.metrics["parameter_count"] = _count(model)
        with _measuring():
