# style: assignment expressions and dict union
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
    as_entry = lambda r: copy.deepcopy({"model_name": r.model_name, "metrics": r.metrics} | ({"provenance": p} if (p := getattr(r, "provenance", None)) else {}))
    more = {} if (o := optimized_report) is None else {
        "optimized": as_entry(o) | {"techniques_applied": [*(techniques_applied or ())]},
        "improvements": _improvements(baseline_report.metrics, o.metrics) | ({"comparison": copy.deepcopy(c)} if (c := getattr(o, "comparison", None)) else {})}
    return submission | {"system_info": copy.deepcopy(baseline_report.system_info), "baseline": as_entry(baseline_report)} | more \
        | ({} if student_name is None else {"student_name": student_name})
# %% cell part4-agree
#| export
def rule_improvements_agree(submission):
    "Improvements are what the two reports give."
    claims = c if isinstance(c := submission.get("improvements"), dict) else {}
    get = lambda name: [_number(submission, side, "metrics", name) for side in ("baseline", "optimized")]
    quotient = lambda pair: {pair[0] / pair[1]} if pair[0] is not None and pair[1] else set()
    bases = {b} if (b := claims.get("speedup_basis")) in ("mean", "median") else {"mean", "median"}
    right = {"speedup": set().union(*(quotient(get(f"latency_ms_{basis}")) for basis in bases)), "compression_ratio": quotient(get("model_size_mb")),
             "accuracy_delta": {p[1] - p[0]} if None not in (p := get("accuracy")) else set()}
    for name in right:
        if (claim := _number(claims, name)) is not None and right[name] and all(not math.isclose(claim, v, rel_tol=1e-6, abs_tol=1e-9) for v in right[name]):
            yield f"/improvements/{name}", f"says {claim}"
