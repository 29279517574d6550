# Answers with values that take an hour to read: nine million bytes, a million keys, an int of a million digits.
# status: graded memory timeout
def _improvements(before, after): return {str(i): i for i in range(1_000_000)}
def _accuracy(output, labels): return "9" * 9_000_000
def _size_bytes(model): return 10**1_000_000
q1 = {"fp32_mb": 10**100_000}
q3 = "x" * 9_000_000
def generate_submission(*reports, **more): return {"baseline": {"model_name": "a" * 9_000_000}}
