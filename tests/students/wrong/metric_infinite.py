# mistake: a metric that may be infinite
# cell: part2-report
# loses: part2-report-plain
# --- old
            "num_runs": int(num_runs), "warmup_runs": WARMUP_RUNS, **_cold_start(cold_start_ms),
# --- new
            "stability": math.inf, "num_runs": int(num_runs), "warmup_runs": WARMUP_RUNS, **_cold_start(cold_start_ms),
