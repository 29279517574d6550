"""Module 19 in its basic form: a timer and a list of values, no paired comparison."""
import time

import numpy as np


class precise_timer:
    def __enter__(self):
        self._start = time.perf_counter()
        return self

    def __exit__(self, *error): self.elapsed = time.perf_counter() - self._start


class BenchmarkResult:
    def __init__(self, metric_name, values, metadata=None):
        if not len(values): raise ValueError("no values")
        self.metric_name, self.values, self.metadata = metric_name, list(values), metadata or {}
        self.mean, self.median, self.count = float(np.mean(values)), float(np.median(values)), len(values)
