# mistake: crashes when a report is missing
# cell: part4-agree
# loses: part4-agree-check
# --- old
    def ratio(name):
        before, after = (_number(submission, side, "metrics", name) for side in ("baseline", "optimized"))
# --- new
    def ratio(name):
        before, after = (submission[side]["metrics"][name] for side in ("baseline", "optimized"))
