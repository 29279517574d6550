# status: invalid missing
# Submits a link to a device that never ends.
def submit(path, notebook):
    path.symlink_to("/dev/zero")
