# style: as older handouts of the module had it: time.time, no warm-up, the first row sliced inside the timed region, assert in the validator
# loses: part2-timing-warmup part2-timing-region part2-timing-samples part2-timing-clock part4-validate-check
# %% cell part2-timing
#| export
def _time_calls(
    model, # anything with forward(x)
    X, # Tensor of samples, (n, features)
    num_runs, # calls that count
    warmup_runs=10, # calls before them that do not, at least 1
): # (latencies_ms: num_runs floats, cold_start_ms: float)
    "Time single-sample calls of `model` in milliseconds; the first call of all is the cold start."
    latencies = []
    for _ in range(num_runs):
        start = time.time()
        _ = model.forward(X[:1])
        latencies.append((time.time() - start) * 1000)
    return latencies, latencies[0]
# %% cell part4-validate
#| export
def validate_submission_schema(
    submission, # what `generate_submission` gave, or `json.load`
): # True
    "True, or `SubmissionError` (an AssertionError) that names every violation with its JSON pointer."
    violations = _all_violations(submission)
    assert not violations, "\n".join(f"{at}: {message}" for at, message in violations)
    return True
