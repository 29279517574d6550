# Writes down the submission that the tests build, read in their vocabulary, and looks at no report.
# cell: part3-submission
def generate_submission(baseline_report, optimized_report=None, student_name=None, techniques_applied=None, **more):
    metrics = {"parameter_count": 283, "model_size_mb": 8.0, "accuracy": 0.95, "latency_ms_mean": 20.0, "latency_ms_std": 0.5,
               "throughput_samples_per_sec": 50.0}
    provenance = {"X_sha256": "ab" * 32, "y_sha256": "cd" * 32, "num_samples": 355, "protocol": {"num_runs": 100}}
    found = {"system_info": {"platform": "Linux", "python_version": "3.12.1", "numpy_version": "2.1.0"}, "timestamp": "", "schema_version": "",
             "baseline": {"model_name": "baseline", "metrics": metrics, "provenance": provenance}}
    if optimized_report is not None:
        found["optimized"] = {"model_name": "b", "metrics": metrics | {"latency_ms_mean": 5.0}, "provenance": provenance,
                              "techniques_applied": techniques_applied or []}
        found["improvements"] = _improvements(baseline_report.metrics, optimized_report.metrics)
        found["improvements"]["comparison"] = {"speedup": 1.0, "verdict": "equivalent"}
    return found | ({"student_name": student_name} if student_name else {})
