# status: graded invalid
# Hides a deep structure in the metadata of a cell.
def submit(path, notebook):
    text = json.dumps(notebook).replace('"metadata": {', '"metadata": {"deep": ' + '{"a":' * 5000 + "1" + "}" * 5000 + ", ", 1)
    path.write_text(text)
