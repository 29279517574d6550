# mistake: the temporary file is copied over the old one
# cell: part3-save
# loses: part3-save-atomic
# --- old
            os.replace(temporary, target)
# --- new
            import shutil
            shutil.copyfile(temporary, target)
