# mistake: the system without its versions
# cell: part2-report
# loses: part2-report-record
# --- old
        self.system_info = _system_info()
# --- new
        self.system_info = {"platform": platform.platform()}
