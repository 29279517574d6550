# status: invalid
# Submits three gigabytes of nothing.
def submit(path, notebook):
    with open(path, "wb") as f: f.truncate(3 << 30)
