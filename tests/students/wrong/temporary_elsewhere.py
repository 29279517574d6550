# mistake: the temporary file lies in the system's folder, perhaps on another disk
# cell: part3-save
# loses: part3-save-atomic
# --- old
        temporary = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.tmp")
# --- new
        import tempfile
        handle, temporary = tempfile.mkstemp()
        os.close(handle)
