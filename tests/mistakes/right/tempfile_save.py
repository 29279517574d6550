# style: a named temporary file and pathlib
# %% before part3-save
import tempfile
from pathlib import Path
# %% cell part3-save
#| export
def save_submission(
    submission, # a dict from `generate_submission`
    filepath="submission.json", # where to write
): # the path written, as str
    "Validate, then write atomically: after any error an existing file is as it was."
    validate_submission_schema(submission)
    target = Path(filepath)
    handle = tempfile.NamedTemporaryFile("w", dir=target.parent, prefix=".submission-", delete=False, encoding="utf-8")
    try:
        with handle:
            json.dump(submission, handle, indent=4, sort_keys=True, allow_nan=False)
        Path(handle.name).replace(target)
    except BaseException:
        Path(handle.name).unlink()
        raise
    return str(target)
