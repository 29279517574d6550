# mistake: the path is not returned
# cell: part3-save
# loses: part3-save-valid
# --- old
    return str(filepath)
# --- new
