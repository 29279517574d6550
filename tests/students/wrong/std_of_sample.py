# mistake: sample std for population
# cell: part2-report
# loses: part2-report-latency
# says: ^latency_ms_std: got 3\.16.*, expected 2\.73861: the population standard deviation of all runs, as np\.std \(Part 2, The report\)$
# --- old
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": 1000 / mean_ms,
# --- new
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms, ddof=1)) if len(latencies_ms) > 1 else 0.0, "throughput_samples_per_sec": 1000 / mean_ms,
