# mistake: another zone's name on the time of UTC
# cell: part2-report
# loses: part2-report-record
# --- old
        self.timestamp = datetime.now(timezone.utc).isoformat()
# --- new
        self.timestamp = datetime.now(timezone.utc).replace(tzinfo=None).isoformat() + "-05:00"
