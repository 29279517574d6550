# style: all in memory first, os.rename, a backup path by string formatting
# %% cell part3-save
#| export
def save_submission(
    submission, # a dict from `generate_submission`
    filepath="submission.json", # where to write
): # the path written, as str
    "Validate, then write atomically: after any error an existing file is as it was."
    if validate_submission_schema(submission) is not True:
        raise AssertionError("not valid")
    data = json.dumps(submission, allow_nan=False).encode()
    tmp = "%s~new" % filepath
    f = open(tmp, "wb")
    try:
        f.write(data)
    finally:
        f.close()
    os.rename(tmp, filepath)
    return f"{filepath}"
