# mistake: the path returned as a Path
# cell: part3-save
# loses: part3-save-valid
# --- old
    return str(filepath)
# --- new
    import pathlib
    return pathlib.Path(filepath)
