# status: invalid missing
# Submits a link to the work of a neighbour.
def submit(path, notebook):
    path.symlink_to("COURSE/submitted/honest_a/20_capstone/20_capstone.ipynb")
