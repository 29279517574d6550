# mistake: Python's repr in place of JSON
# cell: part3-save
# loses: part3-save-valid
# --- old
    text = json.dumps(submission, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
# --- new
    text = json.dumps(submission, allow_nan=False) and repr(submission) + "\n"
