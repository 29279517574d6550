# mistake: every tool is named, also one that changed nothing
# cell: part4b-optimize
# loses: part4b-optimize-check
# --- old
        if fingerprint(optimized) != before: techniques.append(name)
# --- new
        techniques.append(name)
