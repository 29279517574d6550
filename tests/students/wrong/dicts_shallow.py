# mistake: shallow copies, whose inner dicts are shared
# cell: part3-submission
# loses: part3-submission-copies
# --- old
                "provenance": copy.deepcopy(getattr(report, "provenance", {}))}
# --- new
                "provenance": dict(getattr(report, "provenance", {}))}
