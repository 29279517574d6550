# style: prints, warnings and a progress bar on the way
# %% before part2-timing
import sys, warnings
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    warnings.warn("timing on a shared machine")
    rows = [X[i:i + 1] for i in range(X.shape[0])]
    times = []
    for i in range(num_runs + warmup_runs):
        row = rows[i % len(rows)]
        a = time.perf_counter()
        model.forward(row)
        b = time.perf_counter()
        times.append(1e3 * (b - a))
        print("\r%3d %%" % (100 * i // (num_runs + warmup_runs)), end="", file=sys.stderr)
    print(f"mean so far {sum(times) / len(times):.3f} ms")
    return times[warmup_runs:], times[0]
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
    print("benchmarking the baseline")
    first = BenchmarkReport(model_name="baseline")
    print(first.benchmark_model(model=baseline, X_test=X_test, y_test=y_test, num_runs=num_runs)["latency_ms_mean"], "ms")
    second = None
    if optimized is not None:
        print("benchmarking the optimized model")
        second = BenchmarkReport(model_name="optimized")
        second.benchmark_model(optimized, X_test, y_test, num_runs)
        if compare:
            second.comparison = compare(baseline, optimized, X_test)
    result = generate_submission(baseline_report=first, optimized_report=second, student_name=student_name, techniques_applied=techniques_applied)
    assert validate_submission_schema(result)
    print("saved to", save_submission(result, filepath=filepath))
    return result
