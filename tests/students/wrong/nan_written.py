# mistake: NaN written
# cell: part3-save
# loses: part3-save-valid
# says: ^save_submission: wrote nan, which JSON does not know: allow_nan=False refuses it \(Part 3, Saving without losing\) \[a hidden check\]$
# --- old
    text = json.dumps(submission, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
# --- new
    text = json.dumps(submission, indent=2, ensure_ascii=False) + "\n"
