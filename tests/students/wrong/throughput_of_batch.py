# mistake: throughput of the whole batch in one call
# cell: part2-report
# loses: part2-report-latency
# --- old
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": 1000 / mean_ms,
# --- new
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)),
            "throughput_samples_per_sec": batch["batch_throughput_samples_per_sec"],
