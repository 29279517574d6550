# Puts the tests before what they test, and the tools last.
def submit(path, notebook):
    notebook["cells"].reverse()
    write(path, notebook)
