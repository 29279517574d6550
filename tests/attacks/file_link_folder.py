# status: invalid missing
# Submits a link to a neighbour's folder in place of its own.
def submit(path, notebook):
    path.parent.rmdir()
    path.parent.symlink_to("COURSE/submitted/honest_a/20_capstone")
