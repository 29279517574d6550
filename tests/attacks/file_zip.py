# status: missing invalid
# Submits an archive whose members climb out of the folder.
def submit(path, notebook):
    import zipfile
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as z: z.writestr("../../../honest_a/20_capstone/20_capstone.ipynb", "{}")
