# style: jsonschema beside the rules
# %% before part4-validate
import jsonschema
# %% cell part4-validate
#| export
def validate_submission_schema(
    submission, # what `generate_submission` gave, or `json.load`
): # True
    "True, or `SubmissionError` (an AssertionError) that names every violation with its JSON pointer."
    found = {at: message for at, message in _all_violations(submission)}
    for error in jsonschema.Draft202012Validator(SUBMISSION_SCHEMA).iter_errors(submission):
        found.setdefault("".join(f"/{name}" for name in error.absolute_path), error.message)
    if found: raise SubmissionError(found.items())
    return True
