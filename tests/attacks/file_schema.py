# Claims other schema versions of nbgrader's metadata.
def submit(path, notebook):
    for i, cell in enumerate(notebook["cells"]):
        if "nbgrader" in cell["metadata"]: cell["metadata"]["nbgrader"]["schema_version"] = [1, 2, 99, "x", None][i % 5]
    write(path, notebook)
