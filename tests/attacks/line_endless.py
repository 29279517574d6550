# Answers with generators that never end, and calls the test's model without end.
# status: graded timeout
def _time_calls(model, X, num_runs, warmup_runs=10):
    while True: model.forward(X[0:1])
def rule_required(value, schema, at):
    while True: yield at, "is missing"
def rule_finite(value, schema, at):
    n = 0
    while True:
        n += 1
        yield str(n), "x" * 1000
