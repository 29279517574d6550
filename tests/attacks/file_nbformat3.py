# status: graded invalid
# Comes as a notebook of format 3.
def submit(path, notebook):
    cells = [{"cell_type": "code", "input": "".join(c["source"]), "language": "python", "metadata": c["metadata"], "outputs": []} for c in notebook["cells"]]
    write(path, {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells, "metadata": {}}]})
