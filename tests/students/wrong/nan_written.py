# mistake: NaN written
# cell: part3-save
# loses: part3-save-valid
# says: allow_nan=False
# --- old
    text = json.dumps(submission, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
# --- new
    text = json.dumps(submission, indent=2, ensure_ascii=False) + "\n"
