"""Known-wrong answers, graded among the real ones with the same tests in the same process.

Threat: a submission has switched the tests off, in whatever way; then one of these passes too. Each is the reference solution with one
mistake, put in place of everything of the student's that the test touches, so that no honest work can make it pass or fail.
Never part of a release: it holds pieces of the solution.
"""
# grade_id of a test: mistakes that it must catch, each (solution cell, what stands there, what to put there).
MISTAKES = {
    "part1-forward": [("part1-model", "self.relu.forward(self.fc1.forward(x))", "self.fc1.forward(x)")],
    "part1-parameters": [("part1-model", "[*self.fc1.parameters(), *self.fc2.parameters()]", "[*self.fc2.parameters(), *self.fc1.parameters()]")],
    "part1-count": [("part1-model", "sum(_count(layer) for layer in self.layers)", "sum(_array(p).size for p in self.parameters()[::2])")],
    "part1-layers": [("part1-model", 'return _Layers(self, "fc1", "relu", "fc2")', "return self.__dict__.setdefault('kept', [self.fc1, self.relu])")],
    "part2-timing-units": [("part2-timing", "/ 1e6", "/ 1e9"), ("part2-timing", "/ 1e6", "/ 1")],
    "part2-timing-warmup": [("part2-timing", "latencies_ms[warmup_runs:]", "latencies_ms[:num_runs]")],
    "part2-timing-region": [("part2-timing", "row = rows[run % len(rows)]\n        start = time.perf_counter_ns()",
                             "start = time.perf_counter_ns()\n        row = X[run % len(rows):run % len(rows) + 1]")],
    "part2-timing-samples": [("part2-timing", "rows[run % len(rows)]", "rows[0]"), ("part2-timing", "X[i:i + 1]", "X[0:2]")],
    "part2-timing-clock": [("part2-timing", "perf_counter_ns", "time_ns")],
    "part2-accuracy-value": [("part2-accuracy", "np.mean(np.argmax(scores, axis=1) == y)", "np.mean(np.argmax(scores, axis=1) != y)")],
    "part2-accuracy-refuses": [("part2-accuracy", "y = _class_labels(labels, len(labels) if isinstance(labels, (list, tuple)) else labels.shape[0])",
                                "y = np.asarray(labels).astype(int).ravel()")],
    "part2-size-bytes": [("part2-size", "array.nbytes", "array.size")],
    "part2-report-latency": [("part2-report", "float(np.std(latencies_ms))", "float(np.std(latencies_ms, ddof=1))"),
                             ("part2-report", "1000 / mean_ms", "mean_ms / 1000")],
    "part2-report-metrics": [("part2-report", "/ 2**20", "/ 10**6")],
    "part2-report-plain": [("part2-report", "float(np.std(latencies_ms))", "np.std(latencies_ms)")],
    "part2-report-record": [("part2-report", "datetime.now(timezone.utc).isoformat()", "datetime.now().isoformat()")],
    "part2-report-errors": [("part2-report", "self.metrics, self.provenance, self.comparison = {}, {}, None", "pass")],
    "part3-improvements-speedup": [("part3-improvements", "before[latency] / after[latency]", "after[latency] / before[latency]")],
    "part3-improvements-basis": [("part3-improvements", '"speedup_basis": basis', '"speedup_basis": "median"')],
    "part3-improvements-deltas": [("part3-improvements", 'after["accuracy"] - before["accuracy"]', 'before["accuracy"] - after["accuracy"]')],
    "part3-submission-fields": [("part3-submission", "baseline=entry(baseline_report)", "baseline={}")],
    "part3-submission-optimized": [("part3-submission", "list(techniques_applied or [])", "[]")],
    "part3-submission-copies": [("part3-submission", "copy.deepcopy(report.metrics)", "report.metrics")],
    "part3-save-valid": [("part3-save", "validate_submission_schema(submission)\n", "pass\n")],
    "part3-save-atomic": [("part3-save", "os.replace(temporary, target)", "open(filepath, 'w').write(text)"),
                          ("part3-save", "text = json.dumps(submission,", "open(filepath, 'w').close(); text = json.dumps(submission,")],
    "part4-required-check": [("part4-required", "if name not in value", "if False")],
    "part4-type-check": [("part4-type", "if kind and not whole", "if False"), ("part4-type", "if kind and not whole", "if True")],
    "part4-finite-check": [("part4-finite", "not math.isfinite(value)", "value != value")],
    "part4-range-check": [("part4-range", 'value > schema["maximum"]', "value > 100")],
    "part4-order-check": [("part4-order", "value[lower] > value[higher]", "value[lower] < value[higher]")],
    "part4-agree-check": [("part4-agree", "not any(", "any("), ("part4-agree", "allowed and not any(", "not allowed and any(")],
    "part4-need-check": [("part4-need", '"optimized" not in submission', "False")],
    "part4-same-check": [("part4-same", 'if "optimized" in submission', "if False")],
    "part4-validate-check": [("part4-validate", "if violations: raise SubmissionError(violations)", "pass")],
    "part4b-optimize-check": [("part4b-optimize", "copy.deepcopy(model)", "model"), ("part4b-optimize", "in tools.items()", "in ()")],
    "part5-workflow-check": [("part5-workflow", "save_submission(submission, filepath)", "pass")],
    "q1-check": [("q1", '"ratio": 4.0', '"ratio": 0.25'), ("q1", '"saved_percent": 75.0', '"saved_percent": 25.0')],
    "q2-check": [("q2", 'q2_deploy = "A"', 'q2_deploy = "B"')],
    "q3-check": [("q3", '"batch_of_one_ms": 10 +', '"batch_of_one_ms":')],
    "q4-check": [("q4", '"share_of_time": 0.25', '"share_of_time": 0.75')],
    "q5-check": [("q5", '"accepted": 2', '"accepted": 3')],
}
TOGETHER = "part4-"   # the rules see each other's work: a test of one meets all of them


def known_wrong(solutions):
    "{grade_id of a test: [code of a known-wrong answer, ...]} from the reference `solutions`, {grade_id: source}."
    together = [name for name in solutions if name.startswith(TOGETHER)]
    wrong = {}
    for test, mistakes in MISTAKES.items():
        for cell, right, mistake in mistakes:
            if right not in solutions.get(cell, ""): continue
            names = together if cell in together else [cell]
            wrong.setdefault(test, []).append("\n".join(solutions[name].replace(right, mistake) if name == cell else solutions[name] for name in names))
    return wrong
