# Makes its timestamp a folder.
def submit(path, notebook):
    write(path, notebook)
    (path.parent / "timestamp.txt").mkdir()
