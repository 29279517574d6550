# status: graded invalid
# Comes as a notebook of a format to come.
def submit(path, notebook):
    write(path, {**notebook, "nbformat": 99, "nbformat_minor": "x"})
