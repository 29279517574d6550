# status: invalid missing
# Submits a link to the instructor's notebook.
def submit(path, notebook):
    path.symlink_to("COURSE/source/20_capstone/20_capstone.ipynb")
