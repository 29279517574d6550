# Gives all cells one id, that is no string.
def submit(path, notebook):
    for cell in notebook["cells"]:
        cell["id"] = {"a": 1}
        cell["metadata"].setdefault("nbgrader", {})["grade_id"] = ["part1-model"]
    write(path, notebook)
