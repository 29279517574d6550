# style: answers as arithmetic, ints where they are whole
# %% cell q1
# q1 = {"fp32_mb": ..., "int8_mb": ..., "saved_mb": ..., "saved_percent": ..., "ratio": ...}
P = 5_000_000
q1 = dict(fp32_mb=4 * P / 10**6, int8_mb=P // 10**6, saved_mb=3 * P // 10**6, saved_percent=75, ratio=4)
# %% cell q2
# q2_deploy = ...
# q2 = {"A_ms": ..., "B_ms": ...}
a, b, mu = 0.3, 3.0, 10
q2_deploy = "A"
q2 = {"A_ms": mu + 3 * a, "B_ms": mu + 3 * b}
# %% cell q3
# q3 = {"per_sample_ms": ..., "batch_of_one_ms": ...}
per = 90 / 32
q3 = {"batch_of_one_ms": 10 + per, "per_sample_ms": round(per, 2)}
# %% cell q4
# q4 = {"speedup": ..., "share_of_time": ..., "traffic": ...}
q4 = {"speedup": 20 // 5, "share_of_time": 1 / 4, "traffic": 4}
# %% cell q5
# q5_type = ...
# q5 = {"low": ..., "high": ..., "accepted": ...}
q5_type = float.__name__
q5 = {"low": 0.0, "high": 1.0, "accepted": len([0.92, 1.0])}
