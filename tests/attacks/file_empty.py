# status: invalid
# Submits an empty file.
def submit(path, notebook):
    path.write_bytes(b"")
