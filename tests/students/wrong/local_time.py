# mistake: local time without a zone
# cell: part2-report
# loses: part2-report-record
# says: ^timestamp: got '.*', expected ISO 8601 with a time zone: without its zone .*datetime\.now\(timezone\.utc\) \(Part 2, The report\)$
# --- old
        self.timestamp = datetime.now(timezone.utc).isoformat()
# --- new
        self.timestamp = datetime.now().isoformat()
