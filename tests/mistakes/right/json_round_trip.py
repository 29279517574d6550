# style: copies by way of JSON
# %% cell part3-submission
#| export
def generate_submission(
    baseline_report, # a BenchmarkReport with metrics
    optimized_report=None, # another, on the same data and system; its `comparison` goes into the improvements
    student_name=None, # left out of the file unless given
    techniques_applied=None, # what was done to the optimized model, a list of str
): # the submission
    "A submission that shares nothing with its reports; `ValueError` without metrics, or for other data or systems."
    _check_comparable(baseline_report, optimized_report)
    submission = {"tinytorch_version": str(getattr(tinytorch, "__version__", "unknown")), "schema_version": SCHEMA_VERSION,
                  "submission_type": "capstone_benchmark", "timestamp": datetime.now(timezone.utc).isoformat()}
    clone = lambda thing: json.loads(json.dumps(thing))
    submission["system_info"] = clone(baseline_report.system_info)
    submission["baseline"] = clone({"model_name": baseline_report.model_name, "metrics": baseline_report.metrics, "provenance": baseline_report.provenance})
    if student_name: submission["student_name"] = student_name
    if optimized_report is None: return submission
    submission["optimized"] = clone({"model_name": optimized_report.model_name, "metrics": optimized_report.metrics, "provenance": optimized_report.provenance,
                                     "techniques_applied": techniques_applied or []})
    improvements = _improvements(baseline_report.metrics, optimized_report.metrics)
    if getattr(optimized_report, "comparison", None) is not None:
        improvements = {**improvements, "comparison": clone(optimized_report.comparison)}
    submission["improvements"] = improvements
    return submission
# %% cell part3-improvements
#| export
def _improvements(
    before, # metrics of the baseline
    after, # metrics of the optimized model
): # speedup, speedup_basis, compression_ratio, accuracy_delta
    "How much better `after` is than `before`; ratios over 1 are better."
    both = "latency_ms_median" in before and "latency_ms_median" in after
    old, new = (before["latency_ms_median"], after["latency_ms_median"]) if both else (before["latency_ms_mean"], after["latency_ms_mean"])
    result = {}
    result["speedup"] = old / new
    result["speedup_basis"] = "median" if both else "mean"
    result["compression_ratio"] = before["model_size_mb"] / after["model_size_mb"]
    result["accuracy_delta"] = -(before["accuracy"] - after["accuracy"])
    return result
