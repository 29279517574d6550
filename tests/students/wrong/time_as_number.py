# mistake: the time as a number of seconds
# cell: part2-report
# loses: part2-report-record
# --- old
        self.timestamp = datetime.now(timezone.utc).isoformat()
# --- new
        self.timestamp = time.time()
