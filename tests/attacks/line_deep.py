# Answers with a list in a list in a list, a hundred thousand deep, and with one that holds itself.
deep = []
for _ in range(100_000): deep = [deep]
loop = []
loop.append(loop)
def _time_calls(model, X, num_runs, warmup_runs=10): return deep, 0.0
def _improvements(before, after): return loop
q1 = deep
q3 = loop
