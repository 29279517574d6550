# status: invalid missing
# Submits a folder under the name of the notebook.
def submit(path, notebook):
    path.mkdir()
