# style: the reference without its markers
# --- cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self,
        input_size=10, # features of a sample
        hidden_size=20, # units of the hidden layer
        output_size=3, # classes
    ):
        self.fc1 = Linear(input_size, hidden_size)
        self.relu = ReLU()
        self.fc2 = Linear(hidden_size, output_size)

    @property
    def layers(self): return [self.fc1, self.relu, self.fc2]

    def forward(self, x):
        "Scores (batch, output_size) for `x` (batch, input_size)."
        return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        "Weight and bias of fc1, then of fc2."
        return [*self.fc1.parameters(), *self.fc2.parameters()]

    def count_parameters(self):
        "How many numbers the layers hold, the same before and after quantization."
        return sum(_count(layer) for layer in self.layers)

    def __repr__(self): return f"SimpleMLP({' -> '.join(type(layer).__name__ for layer in self.layers)})"
# --- cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    rows = [X[i:i + 1] for i in range(min(X.shape[0], num_runs + warmup_runs))]
    latencies_ms = []
    for run in range(num_runs + warmup_runs):
        row = rows[run % len(rows)]
        start = time.perf_counter_ns()
        model.forward(row)
        latencies_ms.append((time.perf_counter_ns() - start) / 1e6)
    return latencies_ms[warmup_runs:], latencies_ms[0]

# --- cell part2-accuracy
#| export
def _accuracy(
    output, # scores, (n, classes)
    labels, # class indices, n of them
): # share of samples whose largest score is at their label, in [0, 1]
    "Top-1 accuracy; `ValueError` for labels or scores that cannot be compared."
    y = _class_labels(labels, len(labels) if isinstance(labels, (list, tuple)) else labels.shape[0])
    scores = _class_scores(output, len(y))
    if y.max() >= scores.shape[1]:
        raise ValueError(f"labels: got class {y.max()}, expected less than the {scores.shape[1]} classes of the scores")
    return float(np.mean(np.argmax(scores, axis=1) == y))

# --- cell part2-size
#| export
def _size_bytes(
    model, # a model or a layer: size_bytes(), or layers, or parameters()
): # bytes of the arrays it stores
    "Bytes stored by `model`, shared arrays once."
    if hasattr(model, "size_bytes"):
        return int(model.size_bytes())
    own, arrays = 0, {}
    for part in getattr(model, "layers", None) or [model]:
        if hasattr(part, "size_bytes"):
            own += int(part.size_bytes())
        else:
            arrays.update({id(array): array for array in map(_array, part.parameters())})
    return own + sum(array.nbytes for array in arrays.values())

# --- cell part2-report
#| export
class BenchmarkReport:
    "Measures one model: six metrics and more in `metrics`, after `benchmark_model` has fully succeeded."
    comparison = None  # a paired comparison with the baseline (module 19), as a dict

    def __init__(self, model_name="model"):
        self.model_name, self.metrics, self.provenance = model_name, {}, {}
        self.system_info = _system_info()
        self.timestamp = datetime.now(timezone.utc).isoformat()

    def benchmark_model(self,
        model, # forward(x), and parameters() or count_parameters()
        X_test, # samples, (n, features)
        y_test, # class indices, (n,)
        num_runs=100, # single-sample calls that count
    ): # the metrics, a dict of plain numbers
        "Measure `model`; `ValueError` for inputs, scores or a clock that cannot be used. Latencies are in ms."
        self.metrics, self.provenance, self.comparison = {}, {}, None
        X, y = _checked(X_test, y_test, num_runs)
        with _measuring():
            latencies_ms, cold_start_ms = _time_calls(model, X, num_runs)
            accuracy = _accuracy(model.forward(X), y)
            batch = _batch_throughput(model, X)
        mean_ms = _resolved(float(np.mean(latencies_ms)))
        metrics = {
            "parameter_count": _count(model), "model_size_mb": _size_bytes(model) / 2**20, "accuracy": accuracy,
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": 1000 / mean_ms,
            "num_runs": int(num_runs), "warmup_runs": WARMUP_RUNS, "cold_start_ms": float(cold_start_ms),
            **_percentiles(latencies_ms), **_accuracy_interval(accuracy, len(y)), **batch}
        self.metrics, self.provenance = metrics, _provenance(model, X, y, int(num_runs), WARMUP_RUNS)
        return self.metrics

    def __repr__(self): return _summary(self)
    def _repr_html_(self): return _table(self)
# --- cell part3-improvements
#| export
def _improvements(
    before, # metrics of the baseline
    after, # metrics of the optimized model
): # speedup, speedup_basis, compression_ratio, accuracy_delta
    "How much better `after` is than `before`; ratios over 1 are better."
    basis = "median" if all("latency_ms_median" in metrics for metrics in (before, after)) else "mean"
    latency = f"latency_ms_{basis}"
    return {"speedup": before[latency] / after[latency], "speedup_basis": basis,
            "compression_ratio": before["model_size_mb"] / after["model_size_mb"],
            "accuracy_delta": after["accuracy"] - before["accuracy"]}

# --- cell part3-submission
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
    def entry(report):
        return {"model_name": report.model_name, "metrics": copy.deepcopy(report.metrics),
                "provenance": copy.deepcopy(getattr(report, "provenance", {}))}

    submission.update(system_info=copy.deepcopy(baseline_report.system_info), baseline=entry(baseline_report))
    if optimized_report is not None:
        submission["optimized"] = {**entry(optimized_report), "techniques_applied": list(techniques_applied or [])}
        submission["improvements"] = _improvements(baseline_report.metrics, optimized_report.metrics)
        comparison = getattr(optimized_report, "comparison", None)
        if comparison: submission["improvements"]["comparison"] = copy.deepcopy(comparison)
    if student_name is not None: submission["student_name"] = student_name
    return submission

# --- cell part3-save
#| export
def save_submission(
    submission, # a dict from `generate_submission`
    filepath="submission.json", # where to write
): # the path written, as str
    "Validate, then write atomically: after any error an existing file is as it was."
    validate_submission_schema(submission)
    text = json.dumps(submission, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    temporary = f"{os.fspath(filepath)}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, filepath)
    finally:
        with contextlib.suppress(FileNotFoundError): os.remove(temporary)
    return str(filepath)

# --- cell part4-required
#| export
def rule_required(value, schema, at):
    "Every required member is there."
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value: yield _pointer(at, name), "is missing"

# --- cell part4-type
#| export
def rule_type(value, schema, at):
    "The value has the schema's type; a bool is not a number."
    kind = schema.get("type")
    whole = kind == "integer" and isinstance(value, float) and value.is_integer()
    if kind and not whole and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
        yield at, f"is {value!r} ({type(value).__name__}), expected {kind}"

# --- cell part4-finite
#| export
def rule_finite(value, schema, at):
    "A number is finite."
    if isinstance(value, float) and not math.isfinite(value):
        yield at, f"is {value}, expected a finite number"

# --- cell part4-range
#| export
def rule_range(value, schema, at):
    "A number lies within the schema's bounds."
    if isinstance(value, bool) or not isinstance(value, (int, float)): return
    if "minimum" in schema and value < schema["minimum"]: yield at, f"is {value}, expected at least {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]: yield at, f"is {value}, expected at most {schema['maximum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield at, f"is {value}, expected more than {schema['exclusiveMinimum']}"

# --- cell part4-order
#| export
PERCENTILES = ["latency_ms_median", "latency_ms_p90", "latency_ms_p95", "latency_ms_p99"]


def rule_percentile_order(value, schema, at):
    "median <= p90 <= p95 <= p99, of those that are there."
    if not isinstance(value, dict): return
    present = [name for name in PERCENTILES if isinstance(value.get(name), (int, float))]
    for lower, higher in zip(present, present[1:]):
        if value[lower] > value[higher]:
            yield _pointer(at, higher), f"is {value[higher]}, expected at least {lower}, {value[lower]}"

# --- cell part4-agree
#| export
def rule_improvements_agree(submission):
    "Improvements are what the two reports give."
    def ratio(name):
        before, after = (_number(submission, side, "metrics", name) for side in ("baseline", "optimized"))
        return [before / after] if before is not None and after else []

    claims = submission.get("improvements")
    if not isinstance(claims, dict): return
    basis = claims.get("speedup_basis")
    right = {"speedup": [value for kind in ("median", "mean") if basis in (None, kind) for value in ratio(f"latency_ms_{kind}")],
             "compression_ratio": ratio("model_size_mb")}
    before, after = (_number(submission, side, "metrics", "accuracy") for side in ("baseline", "optimized"))
    right["accuracy_delta"] = [after - before] if None not in (before, after) else []
    for name, allowed in right.items():
        claim = _number(claims, name)
        if claim is not None and allowed and not any(math.isclose(claim, value, rel_tol=1e-6, abs_tol=1e-9) for value in allowed):
            yield f"/improvements/{name}", f"is {claim}, the reports give {allowed[0]:.6g}"

# --- cell part4-need
#| export
def rule_improvements_need_optimized(submission):
    "Improvements without an optimized report mean nothing."
    if "improvements" in submission and "optimized" not in submission:
        yield "/improvements", "are given without an optimized report"

# --- cell part4-same
#| export
def rule_same_for_optimized(submission):
    "The node rules hold for the optimized report too."
    if "optimized" in submission:
        yield from _violations(submission["optimized"], _OPTIMIZED, "/optimized")

# --- cell part4-validate
#| export
def validate_submission_schema(
    submission, # what `generate_submission` gave, or `json.load`
): # True
    "True, or `SubmissionError` (an AssertionError) that names every violation with its JSON pointer."
    violations = _all_violations(submission)
    if violations: raise SubmissionError(violations)
    return True

# --- cell part4b-optimize
def optimize_model(
    model, # the baseline; it stays as it is
    tools, # technique name -> function(model) -> changed model, or None when it changed it in place
): # (optimized model or None, names of the techniques applied)
    "Apply every tool to a copy of `model`."
    if not tools: return None, []
    optimized = copy.deepcopy(model)
    for tool in tools.values():
        changed = tool(optimized)
        optimized = optimized if changed is None else changed
    return optimized, list(tools)

# --- cell part5-workflow
def run_workflow(
    baseline, # model
    optimized, # model, or None
    X_test, # samples, (n, features)
    y_test, # class indices, (n,)
    filepath="submission.json", # where the submission goes
    student_name=None,
    techniques_applied=(),
    num_runs=100,
    compare=None, # function(baseline, optimized, X_test) -> a paired comparison as a dict, or None
): # the submission that was saved
    "Benchmark, compare, validate, save."
    reports = [BenchmarkReport("baseline")]
    reports[0].benchmark_model(baseline, X_test, y_test, num_runs=num_runs)
    if optimized is not None:
        reports.append(BenchmarkReport("optimized"))
        reports[1].benchmark_model(optimized, X_test, y_test, num_runs=num_runs)
        if compare is not None: reports[1].comparison = compare(baseline, optimized, X_test)
    submission = generate_submission(*reports, student_name=student_name, techniques_applied=list(techniques_applied))
    save_submission(submission, filepath)
    return submission

# --- cell q1
# q1 = {"fp32_mb": ..., "int8_mb": ..., "saved_mb": ..., "saved_percent": ..., "ratio": ...}
q1 = {"fp32_mb": 20.0, "int8_mb": 5.0, "saved_mb": 15.0, "saved_percent": 75.0, "ratio": 4.0}

# --- cell q2
# q2_deploy = ...
# q2 = {"A_ms": ..., "B_ms": ...}
q2_deploy = "A"
q2 = {"A_ms": 10 + 3 * 0.3, "B_ms": 10 + 3 * 3.0}

# --- cell q3
# q3 = {"per_sample_ms": ..., "batch_of_one_ms": ...}
q3 = {"per_sample_ms": (100 - 10) / 32, "batch_of_one_ms": 10 + (100 - 10) / 32}

# --- cell q4
# q4 = {"speedup": ..., "share_of_time": ..., "traffic": ...}
q4 = {"speedup": 4.0, "share_of_time": 0.25, "traffic": 4.0}

# --- cell q5
# q5_type = ...
# q5 = {"low": ..., "high": ..., "accepted": ...}
q5_type = "float"
q5 = {"low": 0, "high": 1, "accepted": 2}

