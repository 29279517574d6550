# mistake: the comparison is made and thrown away
# cell: part5-workflow
# loses: part5-workflow-check
# --- old
        if compare is not None: reports[1].comparison = compare(baseline, optimized, X_test)
# --- new
        if compare is not None: compare(baseline, optimized, X_test)
