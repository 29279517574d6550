# status: invalid
# Submits bytes that are no UTF-8.
def submit(path, notebook):
    path.write_bytes(b"\xff\xfe" + json.dumps(notebook).encode("utf-16-le")[:1000] + b"\x80\x81")
