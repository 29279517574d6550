# mistake: local time without a zone
# cell: part2-report
# loses: part2-report-record
# says: datetime.now\(timezone.utc\)|without its zone
# --- old
        self.timestamp = datetime.now(timezone.utc).isoformat()
# --- new
        self.timestamp = datetime.now().isoformat()
