# status: invalid
# Submits JSON a hundred thousand levels deep.
def submit(path, notebook):
    path.write_text('{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}")
