# status: graded invalid
# Puts numbers, lists and null where text belongs.
def submit(path, notebook):
    for i, cell in enumerate(notebook["cells"]):
        cell["source"] = [None, 5, {"a": []}, [["x"]], True][i % 5]
        if i % 3 == 0: cell["metadata"] = None
    notebook["metadata"] = []
    write(path, notebook)
