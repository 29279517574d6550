# mistake: throughput inverted
# cell: part2-report
# loses: part2-report-latency
# says: 1000 / latency_ms_mean
# --- old
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": 1000 / mean_ms,
# --- new
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": mean_ms / 1000,
