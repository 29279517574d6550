# mistake: NumPy scalars in the dict
# cell: part2-report
# loses: part2-report-plain
# says: ^metrics: got \{.*'latency_ms_std': 'float64'.*\}, expected plain int and float: JSON knows no NumPy numbers; convert with int\(\) and float\(\) \(Part 2, The report\)$
# --- old
        mean_ms = _resolved(float(np.mean(latencies_ms)))
# --- new
        mean_ms = _resolved(np.mean(latencies_ms))
# --- old
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": 1000 / mean_ms,
# --- new
            "latency_ms_mean": mean_ms, "latency_ms_std": np.std(latencies_ms), "throughput_samples_per_sec": 1000 / mean_ms,
