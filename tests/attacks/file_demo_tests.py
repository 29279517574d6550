# Marks the solution cells as demonstrations and the tests as solutions.
def submit(path, notebook):
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        about["grade"], about["solution"] = about.get("solution"), about.get("grade")
    write(path, notebook)
