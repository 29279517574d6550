# mistake: throughput inverted
# cell: part2-report
# loses: part2-report-latency
# says: ^throughput_samples_per_sec: got 0\.005, expected 200: 1000 / latency_ms_mean \(Part 2, The report\)$
# --- old
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": 1000 / mean_ms,
# --- new
            "latency_ms_mean": mean_ms, "latency_ms_std": float(np.std(latencies_ms)), "throughput_samples_per_sec": mean_ms / 1000,
