# mistake: local time without a zone
# cell: part2-report
# loses: part2-report-record
# says: ^timestamp: got '.*', expected ISO 8601 with a time zone: text, .*datetime\.now\(timezone\.utc\)\.isoformat\(\) \(Part 2, The report\)$
# --- old
        self.timestamp = datetime.now(timezone.utc).isoformat()
# --- new
        self.timestamp = datetime.now().isoformat()
