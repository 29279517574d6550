# mistake: the temporary file stays after an error
# cell: part3-save
# loses: part3-save-atomic
# --- old
    validate_submission_schema(submission)
    text = json.dumps(submission, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with _naming(filepath):
        if _written_in_place(filepath, text): return str(filepath)
        target = os.path.realpath(filepath)
        temporary = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.tmp")
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _keep_mode(target, temporary)
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(FileNotFoundError): os.remove(temporary)
# --- new
    validate_submission_schema(submission)
    with open(f"{filepath}.tmp", "w", encoding="utf-8") as file:
        json.dump(submission, file, allow_nan=False)
    os.replace(f"{filepath}.tmp", filepath)
