# status: invalid missing
# Submits a pipe that nobody writes to.
def submit(path, notebook):
    os.mkfifo(path)
