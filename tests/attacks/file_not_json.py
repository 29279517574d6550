# status: invalid
# Submits a Python file under the name of the notebook.
def submit(path, notebook):
    path.write_text("import os; os.system('touch /tmp/owned')")
