"""Module 19 on simulated timings: what an interval promises, every rule, every warning. No test reads a real clock."""
import copy
import dataclasses
import gc
import itertools
import json
import math
import os
import pickle
import re
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

import tinytorch.benchmarking as bench
from tinytorch.benchmarking import (
    AccuracyComparison,
    AccuracyResult,
    Benchmark,
    BenchmarkResult,
    BenchmarkSuite,
    Comparison,
    MemoryResult,
    VirtualClock,
    balanced_order,
    compare_accuracy,
    compare_latency,
    mcnemar,
    measure_accuracy,
    measure_generation,
    measure_latencies,
    measure_latency,
    measure_memory,
    measure_throughput,
    median_interval,
    median_ranks,
    min_runs,
    paired_interval,
    precise_timer,
    preflight,
    stability_warnings,
    stored_bytes,
    verdict,
    wilson_interval,
)
from tinytorch.core.autograd import is_grad_enabled
from tinytorch.core.layers import Linear
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.tensor import Tensor
from tinytorch.core.transformers import GPT
from tinytorch.datasets import load_digits, load_digits_mlp
from tinytorch.olympics import SimpleMLP, _batch_throughput
from tinytorch.perf.footing import _Movable
from tinytorch.perf.quantization import quantize_model
from tinytorch.perf.results import _blas_threads, _cpu_limit

TRIALS, CALLS = 400, 9


# The promises of a comparison, on 400 simulated machines a family.

def machine_state(family, rng, slots):
    "Log of how slow the machine is in each slot, shape (TRIALS, slots): what both models share."
    t = np.linspace(0, 1, slots)
    if family == "drifting":
        return np.log(1 + rng.uniform(0.2, 0.4, (TRIALS, 1)) * t)
    if family == "autocorrelated":
        state, noise = np.zeros((TRIALS, slots)), rng.normal(0, 0.01, (TRIALS, slots))
        for k in range(1, slots):
            state[:, k] = 0.95 * state[:, k - 1] + noise[:, k]
        return state
    if family == "stepped":
        return 0.2 * (t > rng.uniform(0.1, 0.9, (TRIALS, 1)))
    return np.zeros((TRIALS, slots))


def call_noise(family, rng, shape):
    "Log of the noise of each call."
    if family == "bimodal":
        return 0.1 * (rng.random(shape) < 0.3) + rng.normal(0, 0.02, shape)
    return rng.normal(0, 0.05, shape)


def simulate(family, pairs, slowdown=0.0, seed=0, place=0.0, fixed_order=False):
    "(speedup, ci_low, ci_high) of TRIALS comparisons in which the optimized model is `slowdown` slower in truth."
    rng = np.random.default_rng((seed, pairs))
    calls = call_noise(family, rng, (TRIALS, 2 * pairs, CALLS))
    slots = np.median(calls, axis=2) + machine_state(family, rng, 2 * pairs) + place * (np.arange(2 * pairs) % 2)
    first = np.array([np.full(pairs, True) if fixed_order else balanced_order(pairs, rng) for _ in range(TRIALS)])
    early, late = slots[:, ::2], slots[:, 1::2]
    return paired_interval(np.where(first, early - late, late - early) - math.log(1 + slowdown))


FAMILIES = ["lognormal", "bimodal", "drifting", "autocorrelated", "stepped"]


@pytest.mark.parametrize("pairs", [20, 30, 40])
@pytest.mark.parametrize("family", FAMILIES)
def test_equal_models_are_rarely_called_different(family, pairs):
    _, low, high = simulate(family, pairs)
    assert np.sum((low > 1) | (high < 1)) <= 31
    assert sum(verdict(*ends) in ("faster", "slower") for ends in zip(low, high)) <= 4


@pytest.mark.parametrize("pairs", [20, 30, 40])
@pytest.mark.parametrize("slowdown", [0, 0.03, 0.5])
@pytest.mark.parametrize("family", FAMILIES)
def test_interval_covers_the_truth(family, slowdown, pairs):
    _, low, high = simulate(family, pairs, slowdown, seed=1)
    truth = 1 / (1 + slowdown)
    assert np.mean((low <= truth) & (truth <= high)) >= 0.93


@pytest.mark.parametrize("slowdown, power", [(0.05, 0.90), (0.10, 0.99)])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_true_slowdown_is_found(family, slowdown, power):
    _, low, high = simulate(family, 40, slowdown, seed=2)
    assert np.mean([verdict(*ends) == "slower" for ends in zip(low, high)]) >= power


def test_a_fixed_order_would_see_the_place_instead_of_the_model():
    _, low, high = simulate("lognormal", 40, place=0.03, fixed_order=True)
    assert np.mean((low > 1) | (high < 1)) > 0.9
    _, low, high = simulate("lognormal", 40, place=0.03)
    assert np.sum((low > 1) | (high < 1)) <= 31


def test_one_after_the_other_would_see_the_drift():
    rng = np.random.default_rng(0)
    slots = machine_state("drifting", rng, 80) + rng.normal(0, 0.02, (TRIALS, 80))
    _, low, high = paired_interval(slots[:, :40] - slots[:, 40:])
    assert np.mean((low > 1) | (high < 1)) > 0.9


def test_a_single_median_lies_in_its_interval():
    rng = np.random.default_rng(3)
    found = [median_interval(rng.lognormal(0, 0.5, 300)) for _ in range(TRIALS)]
    assert np.mean([low <= 1 <= high for low, high in found]) >= 0.93


def test_the_interval_of_a_median_is_over_medians_of_20_blocks():
    values = wave(200, memory=0.9)
    blocks = np.sort(np.median(values.reshape(20, 10), axis=1))
    assert median_interval(values) == (blocks[5], blocks[14]) == BenchmarkResult("ms", values).median_ci
    assert median_interval(values[:10]) == tuple(np.sort(values[:10])[[1, 8]])


# The order, the ranks, the verdict.

def test_order_is_balanced_and_shuffled():
    rng = np.random.default_rng(0)
    orders = np.array([balanced_order(40, rng) for _ in range(200)])
    assert (orders.sum(axis=1) == 20).all() and balanced_order(7, rng).sum() in (3, 4)
    assert np.abs(orders.mean(axis=0) - 0.5).max() < 0.2


@pytest.mark.parametrize("n", [6, 7, 20, 30, 40, 101])
def test_ranks_are_the_narrowest_that_cover_95_percent(n):
    def coverage(low):
        return 1 - 2 * sum(math.comb(n, k) for k in range(low)) / 2**n
    low, high = median_ranks(n)
    assert high == n + 1 - low and coverage(low) >= 0.95 > coverage(low + 1)


def test_ranks_of_the_specification_and_too_few_values():
    assert [median_ranks(n) for n in (20, 30, 40)] == [(6, 15), (10, 21), (14, 27)]
    with pytest.raises(ValueError, match="got 5 values, expected at least 6"):
        median_ranks(5)


@pytest.mark.parametrize("low, high, expected", [
    (1.021, 1.3, "faster"), (1.02, 1.3, "inconclusive"), (0.5, 0.98, "slower"), (0.5, 1 / 1.02, "inconclusive"),
    (1 / 1.02, 1.02, "equivalent"), (0.99, 1.021, "inconclusive"), (1, 1, "equivalent"), (1.005, 1.015, "equivalent")])
def test_verdict(low, high, expected):
    assert verdict(low, high) == expected


def test_verdict_follows_the_minimum_effect():
    assert verdict(1.03, 1.04, min_effect=0) == "faster" and verdict(1.03, 1.04, min_effect=0.05) == "equivalent"


@pytest.mark.parametrize("interval", [(2, 1), (0, 1), (-1, 1), (math.nan, 1), (1, math.nan), (1, math.inf),
                                      (1, 1, -0.1), (1, 1, math.nan)])
def test_verdict_refuses_what_is_no_interval(interval):
    with pytest.raises(ValueError, match="interval: got"):
        verdict(*interval)


# One model, on a virtual clock.

def ticking(clock, costs):
    "A function that takes the next of `costs` (ms) on the virtual clock, then the last for ever."
    costs = iter(costs)
    last = [1.0]

    def call(x):
        last[0] = next(costs, last[0])
        clock.advance(last[0] * 1e6)
    return call


def test_timer_measures_seconds():
    clock = VirtualClock()
    with precise_timer(clock) as t:
        clock.advance(2_500_000)
    assert t.elapsed == 0.0025
    with pytest.raises(KeyError), precise_timer(clock) as t:
        clock.advance(1e9)
        raise KeyError
    assert t.elapsed == 1.0


def test_timer_looks_its_clock_up_when_used(monkeypatch):
    clock = VirtualClock()
    monkeypatch.setattr("time.perf_counter_ns", clock)
    with precise_timer() as t:
        clock.advance(5)
    assert t.elapsed == 5e-9
    assert measure_latency(ticking(clock, [3]), [0], 10).median == 3


def test_cold_start_and_warm_up_are_kept_apart():
    clock = VirtualClock()
    result = measure_latency(ticking(clock, [50.0] + [7.0] * 30 + [2.0]), [0], runs=10, timer=clock, warmup_s=0,
                             warmup_calls=31)
    assert result.metadata["cold_start_ms"] == 50 and result.metadata["warmup_calls"] >= 31
    assert result.median == result.max_val == 2


@pytest.mark.parametrize("ms, calls", [(1, 100), (50, 20)])
def test_warm_up_lasts_a_tenth_of_a_second_and_twenty_calls_after_the_cold_one(ms, calls):
    clock = VirtualClock()
    found = measure_latency(ticking(clock, [9 * ms, ms]), [0], runs=1, timer=clock)
    assert found.metadata["warmup_calls"] == calls and clock.now == (9 + calls + 1) * ms * 1e6


def test_both_models_of_a_comparison_are_warmed_up():
    clock, made = VirtualClock(), []

    def model(name):
        return lambda x: (made.append(name), clock.advance(1e6))
    protocol = compare_latency(model("a"), model("b"), [0], pairs=6, timer=clock).protocol
    assert made[:202] == ["a"] * 101 + ["b"] * 101 and protocol["cold_start_ms"] == [1, 1]
    assert protocol["samples_per_block"] == 10 and len(made) == 202 + 2 * 6 * 10


def test_rows_are_taken_in_rotation_and_cut_outside_the_timed_region():
    clock, seen = VirtualClock(), []

    class Rows(np.ndarray):
        def __getitem__(self, key):
            clock.advance(1e9)
            return super().__getitem__(key)

    def model(x):
        seen.append(float(np.asarray(x)[0, 0]))
        clock.advance(1e6)

    result = measure_latency(model, np.arange(3.0).reshape(3, 1).view(Rows), runs=6, timer=clock)
    assert result.max_val == 1.0 and set(seen) == {0, 1, 2} and seen[:4] == [0, 1, 2, 0]


def test_of_many_rows_256_are_taken():
    clock, seen = VirtualClock(), set()
    measure_latency(lambda x: (seen.add(float(x[0, 0])), clock.advance(1e6)), np.arange(1000.0)[:, None], runs=600,
                    timer=clock)
    assert seen == set(range(256))


def test_a_model_is_timed_by_its_forward():
    clock = VirtualClock()

    class Model:
        def forward(self, x): clock.advance(2e6)
        def __call__(self, x): clock.advance(9e6)

    assert measure_latency(Model(), [0], runs=3, timer=clock).median == 2


class CostlyClock(VirtualClock):
    "Each reading takes `cost` ns."
    def __init__(self, cost, tick_ns=1):
        super().__init__(tick_ns)
        self.cost = cost

    def __call__(self):
        self.now += self.cost
        return super().__call__()


@pytest.mark.parametrize("call_ns, calls", [(5100, 1), (4900, 3), (100, 100)])
def test_short_calls_are_timed_in_batches_without_percentiles(call_ns, calls):
    clock = CostlyClock(100)
    result = measure_latency(lambda x: clock.advance(call_ns), [0], runs=400, timer=clock)
    assert (abs(result.metadata["calls_per_sample"] - calls) <= calls / 4
            and (calls == 1) == (result.percentile(99) is not None))
    assert (result.why_no_percentile(50) == "") == (calls == 1)
    assert call_ns <= result.median * 1e6 <= call_ns * 1.03  # the clock's cost is not subtracted


def test_a_batch_is_divided_by_its_calls():
    clock = VirtualClock()
    assert measure_latency(ticking(clock, [3]), [0], 6, timer=clock, calls_per_sample=5).median == 3


def test_the_clocks_cost_is_reported_when_it_shows():
    clock = CostlyClock(100)
    result = measure_latency(lambda x: clock.advance(2000), [0], timer=clock, calls_per_sample=1)
    assert any("reading the clock is 5% of a sample" in w for w in result.warnings)
    assert not measure_latency(lambda x: clock.advance(2000), [0], timer=clock).warnings
    compared = compare_latency(*[lambda x: clock.advance(200)] * 2, [0], timer=clock, block_s=0.001, warmup_s=0.01)
    assert not compared.warnings


@pytest.mark.parametrize("call_ns, warned", [(4800, True), (5000, False)])
def test_two_per_cent_of_a_call_is_the_limit_of_the_clocks_cost(call_ns, warned):
    clock = CostlyClock(100)
    result = measure_latency(lambda x: clock.advance(call_ns), [0], timer=clock, calls_per_sample=1)
    assert bool(result.warnings) == warned


def test_a_comparison_reports_the_clocks_cost_too():
    clock = CostlyClock(100)
    sped_up = iter([10_000] * 2000)
    model = lambda x: clock.advance(next(sped_up, 2000))
    found = compare_latency(model, lambda x: clock.advance(10_000), [0], timer=clock, block_s=0.001, warmup_s=0.01)
    assert any("reading the clock is 5% of a sample" in w for w in found.warnings)


def test_a_coarse_clock_gets_longer_samples():
    clock = CostlyClock(50, tick_ns=1_000_000)
    result = measure_latency(lambda x: clock.advance(10_000), [0], runs=20, timer=clock, warmup_s=0.01)
    assert result.median == pytest.approx(0.01, rel=0.02)


def test_zero_seconds_is_an_error_that_names_the_resolution():
    coarse = CostlyClock(50, tick_ns=1_000_000)
    with pytest.raises(ValueError, match="steps of 1e\\+06 ns"):
        measure_latency(lambda x: coarse.advance(10_000), [0], timer=coarse, calls_per_sample=1, warmup_s=0.01)
    for warmup_s in (0, 0.1):
        with pytest.raises(ValueError, match="0 s measured .* resolution is too coarse"):
            measure_latency(lambda x: None, [0], timer=lambda: 7, warmup_s=warmup_s)
    with pytest.raises(ValueError, match="resolution is too coarse"):
        compare_latency(len, len, [[]], timer=lambda: 7)


def test_a_clock_too_coarse_for_few_warm_up_calls_is_still_sized():
    clock = CostlyClock(50, tick_ns=1_000_000)
    assert measure_latency(lambda x: clock.advance(10_000), [0], runs=20, timer=clock, warmup_s=0,
                           warmup_calls=1).median > 0


@pytest.mark.parametrize("was_on", [True, False])
def test_garbage_collection_is_off_while_timing_and_back_after_an_error(was_on):
    clock, states = VirtualClock(), []

    def model(x):
        states.append(gc.isenabled())
        clock.advance(1e6)
        if len(states) > 150:
            raise RuntimeError("broken")

    def state():
        return (gc.isenabled(), getattr(os, "sched_getaffinity", int)(0), tracemalloc.is_tracing(),
                sys.getswitchinterval())
    before = gc.isenabled()
    try:
        gc.enable() if was_on else gc.disable()
        as_before = state()
        for run in (lambda: measure_latency(model, [0], timer=clock),
                    lambda: compare_latency(model, model, [0], timer=clock)):
            states.clear()
            with pytest.raises(RuntimeError, match="broken"):
                run()
            assert state() == as_before and not any(states)
        states.extend([False] * 150)
        with pytest.raises(RuntimeError, match="broken"):
            bench._peak_bytes(model, 0)
        assert state() == as_before
    finally:
        gc.enable() if before else gc.disable()


@pytest.mark.parametrize("runs", [1, 2, 7, 1_000_000])
def test_one_to_a_million_runs_in_bounded_memory(runs):
    ticks = iter(range(0, 10**12, 1000)).__next__
    tracemalloc.start()
    try:
        result = measure_latency(lambda x: None, [0], runs=runs, timer=ticks, warmup_s=0, progress=False,
                                 calls_per_sample=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.count == runs and result.median == 0.001 and peak < 48 * runs + 2_000_000
    assert (result.median_ci is None) == (runs < 6) and (result.percentile(99) is None) == (runs < 368)
    assert any("measure at least 6" in w for w in result.warnings) == (runs < 6)
    json.dumps(result.to_dict(), allow_nan=False)
    assert repr(result) and result._repr_html_()


@pytest.mark.parametrize("measure", [lambda model, clock: measure_latency(model, [0], timer=clock),
                                     lambda model, clock: compare_latency(model, model, [0], timer=clock)])
def test_old_garbage_is_collected_before_the_first_call(measure):
    class Cycle:
        def __init__(self): self.me = self
    clock, old, seen = VirtualClock(), Cycle(), []
    gone = weakref.ref(old)
    del old
    measure(lambda x: (seen.append(gone()), clock.advance(1e6)), clock)
    assert not any(seen)


def test_garbage_of_a_long_run_is_collected_between_chunks():
    clock, alive = VirtualClock(), set()

    class Cycle:
        def __init__(self): self.me = self; alive.add(id(self))
        def __del__(self): alive.discard(id(self))

    def model(x):
        Cycle()
        clock.advance(1e6)
        assert len(alive) < limit

    limit = 1500
    assert measure_latency(model, [0], runs=4000, timer=clock, progress=False).count == 4000
    limit = 300
    assert compare_latency(model, model, [0], pairs=40, timer=clock, progress=False).pairs == 40


def test_a_model_that_changes_its_weights_is_reported():
    clock = VirtualClock()

    class Learner:
        def __init__(self, rate): self.weight, self.rate = np.ones(3), rate
        def parameters(self): return [self.weight]
        def forward(self, x):
            self.weight += self.rate
            clock.advance(1e6)

    assert any("changed its own weights" in w for w in measure_latency(Learner(1), [0], timer=clock).warnings)
    assert not measure_latency(Learner(0), [0], timer=clock).warnings
    compared = compare_latency(Learner(0), Learner(1), [0], timer=clock)
    assert [w for w in compared.warnings if "weights" in w][0].startswith("optimized: ")


def test_caches_of_a_model_are_not_its_weights():
    clock = VirtualClock()

    class Caching:
        weight = np.ones(3)
        def parameters(self): return [self.weight]
        def forward(self, x):
            self.last = np.random.default_rng().normal(size=3)
            clock.advance(1e6)

    assert not measure_latency(Caching(), [0], timer=clock).warnings


@pytest.mark.parametrize("options, message", [
    (dict(runs=0), "runs: got 0"), (dict(runs=2.5), "runs: got 2.5, expected a whole number from 1"),
    (dict(calls_per_sample=-2), "calls_per_sample: got -2"), (dict(calls_per_sample="2"), "calls_per_sample: got '2'"),
    (dict(inputs=[]), "inputs: got none"), (dict(inputs=np.empty((0, 4))), "inputs: got none"),
    (dict(inputs=3.0), "expected an array")])
def test_measure_latency_says_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        measure_latency(**dict(model=lambda x: None, inputs=[0]) | options)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="model: got int"):
        measure_latency(3, [0])


def test_preflight_knows_the_instrument():
    facts = preflight(CostlyClock(40, tick_ns=1))
    assert facts["timer_cost_ns"] == 40 and facts["timer_tick_ns"] == 40
    coarse = preflight(CostlyClock(40, tick_ns=1_000_000))
    assert coarse["timer_tick_ns"] == 1_000_000 and coarse["timer_cost_ns"] == pytest.approx(40, rel=0.2)
    assert preflight(VirtualClock())["timer_tick_ns"] == 0
    interrupted = iter(np.cumsum([40] * 500 + [10**7] + [40] * 10**4).tolist()).__next__
    facts = preflight(interrupted)
    assert (facts["timer_cost_ns"], facts["timer_tick_ns"]) == (40, 40)
    facts = preflight()
    assert 1 <= facts["cores"] <= os.cpu_count() and facts["timer_cost_ns"] > 0
    assert set(facts) == {"timer_cost_ns", "timer_tick_ns", "cores", "cpu_limit", "load_1min", "blas", "blas_threads"}
    assert all(type(value) in (int, float, str, type(None)) for value in facts.values())


def test_preflight_is_recorded_with_every_timing(monkeypatch):
    monkeypatch.setattr("tinytorch.perf.results._cpu_limit", lambda: 0.75)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3}, raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0, 0), raising=False)
    clock = VirtualClock()
    model = lambda x: clock.advance(1e6)
    for facts in (measure_latency(model, [0], 6, timer=clock).metadata["preflight"],
                  measure_throughput(model, np.zeros((2, 1)), (2,), 6, timer=clock)[2].metadata["preflight"],
                  compare_latency(model, model, [0], 6, timer=clock).protocol["preflight"]):
        assert (facts["cpu_limit"], facts["cores"], facts["load_1min"]) == (0.75, 1, 1.5)


@pytest.mark.parametrize("files, limit", [
    ({}, None), ({"cpu.max": "max 100000"}, None), ({"cpu.max": "150000 100000"}, 1.5),
    ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5)])
def test_cpu_limit_of_either_cgroup_version(tmp_path, files, limit):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    assert _cpu_limit(tmp_path) == limit


def test_blas_threads_from_the_environment(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert _blas_threads() is None
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert _blas_threads() == 3


# What the values say.

def test_statistics_against_numpy():
    values = np.random.default_rng(0).lognormal(size=50)
    r = BenchmarkResult("latency_ms", list(values))
    assert ((r.count, r.mean, r.median, r.min_val, r.max_val)
            == (50, values.mean(), np.median(values), values.min(), values.max()))
    assert r.std == np.std(values, ddof=1) and r.metadata == {}
    assert r.ci_upper - r.mean == pytest.approx(1.96 * r.std / math.sqrt(50)) == r.mean - r.ci_lower


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_no_values_or_infinite_ones_are_refused(values):
    with pytest.raises(ValueError, match="latency_ms: got .* expected one or more finite numbers"):
        BenchmarkResult("latency_ms", values)


@pytest.mark.parametrize("p, n", [(50, 6), (90, 36), (95, 72), (99, 368), (10, 36)])
def test_percentiles_need_their_runs(p, n):
    assert min_runs(p) == n
    values = np.random.default_rng(0).random(n)
    assert BenchmarkResult("ms", values).percentile(p) == np.percentile(values, p)
    short = BenchmarkResult("ms", values[:-1])
    assert short.percentile(p) is None and f"needs {n} runs, got {n - 1}" in short.why_no_percentile(p)


@pytest.mark.parametrize("p", [0, 100, -1, math.nan])
def test_percentiles_out_of_range(p):
    with pytest.raises(ValueError, match="percentile: got"):
        min_runs(p)


def test_outliers_are_counted_and_kept():
    r = BenchmarkResult("ms", [10] * 10 + [11] * 10 + [12] * 10 + [15.5, 19, 6])
    assert (r.outliers(), r.outliers(3)) == (3, 1) and r.max_val == 19 and r.count == 33


def wave(n=200, **kind):
    "Values around 1: `spread` (relative, uncorrelated), `drift` (of the whole run), `memory` (AR(1))."
    rng = np.random.default_rng(0)
    x = rng.normal(0, kind.get("spread", 0.01), n)
    for k in range(1, n):
        x[k] += kind.get("memory", 0) * x[k - 1]
    return np.exp(x) * np.linspace(1, 1 + kind.get("drift", 0), n)


@pytest.mark.parametrize("kind, words", [(dict(), None), (dict(spread=0.1), "IQR is 1.% of the median: close"),
                                         (dict(spread=0.3), "do not trust this number"),
                                         (dict(drift=0.12, spread=0.005), "drift: first and last third differ by 8%"),
                                         (dict(memory=0.97), "lag-1 autocorrelation 0.[789]")])
def test_each_warning_has_its_cause(kind, words):
    found = "\n".join(stability_warnings(wave(**kind)))
    assert re.search(words, found) if words else found == ""
    assert (("IQR" in found) == (kind.get("spread", 0) >= 0.1)
            and ("do not trust" in found) == (kind.get("spread") == 0.3))
    assert ("drift:" in found) == ("drift" in kind) and ("lag-1" in found) == ("memory" in kind or "drift" in kind)


@pytest.mark.parametrize("iqr, words", [(0.099, []), (0.101, ["IQR is 10% of the median: close"]),
                                        (0.249, ["IQR is 25% of the median: close"]),
                                        (0.251, ["IQR is 25% of the median: do not trust this number; close"])])
def test_limits_of_the_spread(iqr, words):
    values = 1 + iqr * np.random.default_rng(1).permutation(np.linspace(-1, 1, 4001))
    found = [w for w in stability_warnings(values) if "IQR" in w]
    assert len(found) == len(words) and all(map(str.startswith, found, words))


@pytest.mark.parametrize("kind, warned",
                         [(dict(drift=0.07, spread=0.005), False), (dict(drift=0.08, spread=0.005), True),
                          (dict(drift=-0.07, spread=0.005), False), (dict(drift=-0.08, spread=0.005), True)])
def test_limit_of_drift_either_way(kind, warned):
    assert any(w.startswith("drift") for w in stability_warnings(wave(**kind))) == warned


# lag-1 autocorrelations 0.26 and 0.32; 2 / sqrt(40) = 0.316
@pytest.mark.parametrize("memory, warned", [(0.6, False), (0.7, True)])
def test_limit_of_autocorrelation(memory, warned):
    assert any("lag-1" in w for w in stability_warnings(wave(memory=memory))) == warned


def test_few_and_constant_values():
    assert stability_warnings([1.0] * 5) == ["only 5 values: no interval; measure at least 6"]
    with np.errstate(all="raise"):
        assert stability_warnings([1.0] * 50) == []
    assert median_interval([1.0] * 5) is None
    assert BenchmarkResult("ms", [1.0]).std == 0


# Two models, on a virtual clock.

def machine(seed=0, slowdown=0.3, noise=0.02):
    "A virtual clock and a maker of models that take `ms` on a machine which gets `slowdown` slower every second."
    clock, rng = VirtualClock(), np.random.default_rng(seed)

    def model(ms):
        return lambda x: clock.advance(ms * 1e6 * (1 + slowdown * clock.now / 1e9) * rng.lognormal(0, noise))
    return clock, model


@pytest.mark.parametrize("ms, expected", [(1, "equivalent"), (1.05, "slower"), (0.9, "faster"), (1.02, "inconclusive")])
def test_compare_latency_sees_through_drift(ms, expected):
    clock, model = machine()
    r = compare_latency(model(1), model(ms), [0], timer=clock, rng=0)
    assert r.verdict == expected and r.ci_low <= 1 / ms <= r.ci_high and r.ci_low <= r.speedup <= r.ci_high
    assert (r.pairs, r.scope, r.min_effect) == (40, "within_process", 0.02)


class SimulatedMachine(CostlyClock):
    "A clock whose models take `ms`, slowed down the way of one family, call by call."
    def __init__(self, family, seed):
        super().__init__(cost=1)
        self.family, self.rng = family, np.random.default_rng(seed)
        self.step_at, self.state = self.rng.uniform(0.2e9, 1e9), 0.0

    def model(self, ms):
        return lambda x: self.advance(ms * 1e6 * math.exp(self.slowdown()))

    def slowdown(self):
        noise = self.rng.normal(0, 0.02)
        if self.family == "drifting":
            return noise + math.log(1 + 0.3 * self.now / 1e9)
        if self.family == "bimodal":
            return noise + 0.1 * (self.rng.random() < 0.3)
        if self.family == "stepped":
            return noise + 0.2 * (self.now > self.step_at)
        if self.family == "autocorrelated":
            self.state = 0.99 * self.state + self.rng.normal(0, 0.005)
            return noise + self.state
        return self.rng.normal(0, 0.05)


@pytest.fixture
def light_garbage():
    "What is alive now is left out of garbage collection, which a comparison asks for 41 times."
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_the_promises_hold_from_the_first_call_to_the_verdict(family, light_garbage):
    def compared(ms, seed):
        machine = SimulatedMachine(family, (seed, int(100 * ms)))
        return compare_latency(machine.model(1), machine.model(ms), [0], timer=machine, rng=seed, warmup_s=0.02,
                               progress=False)
    same, slower = ([compared(ms, seed) for seed in range(TRIALS)] for ms in (1, 1.05))
    assert sum(not r.ci_low <= 1 <= r.ci_high for r in same) <= 31
    assert sum(r.verdict in ("faster", "slower") for r in same) <= 4
    assert np.mean([r.ci_low <= 1 / 1.05 <= r.ci_high for r in slower]) >= 0.93
    assert np.mean([r.verdict == "slower" for r in slower]) >= 0.90


def test_pairs_are_adjacent_and_their_order_is_shuffled():
    clock, calls = VirtualClock(), []

    def model(name):
        return lambda x: (calls.append(name), clock.advance(1e6))
    compare_latency(model("a"), model("b"), [0], pairs=20, timer=clock, rng=1, block_s=0.005, warmup_s=0)
    blocks = ["".join(calls[-5 * 40:])[i:i + 5] for i in range(0, 200, 5)]
    pairs = ["".join(pair) for pair in zip(blocks[::2], blocks[1::2])]
    assert sorted(pairs) == ["aaaaabbbbb"] * 10 + ["bbbbbaaaaa"] * 10 != pairs
    assert pairs[0::2] != pairs[1::2] and len(set(pairs[:10])) == 2


@pytest.mark.parametrize("call_ns, cost", [(1e6, 1), (1e3, 100)], ids=["single calls", "batches"])
def test_both_sides_of_a_pair_get_the_same_rows(call_ns, cost):
    clock, rng, seen = CostlyClock(cost), np.random.default_rng(0), []
    weights = rng.lognormal(0, 2, 256)  # what each row costs, some a thousand times as much as others
    weights /= weights.mean()

    def model(name, times):
        return lambda i: (seen.append((name, i)), clock.advance(call_ns * times * weights[i] * rng.lognormal(0, 0.01)))
    r = compare_latency(model("a", 1.43), model("b", 1), list(range(256)), timer=clock, rng=0, block_s=1e-8 * call_ns,
                        warmup_s=1e-7 * call_ns)
    n = r.protocol["samples_per_block"] * r.protocol["calls_per_sample"]
    assert (r.protocol["calls_per_sample"] > 1) == (cost == 100) and max(r.baseline_ms) > 1.5 * min(r.baseline_ms)
    for start in range(len(seen) - 80 * n, len(seen), 2 * n):
        first, second = seen[start:start + n], seen[start + n:start + 2 * n]
        assert [i for _, i in first] == [i for _, i in second] and {first[0][0], second[0][0]} == {"a", "b"}
    assert 1.40 < r.ci_low < r.speedup < r.ci_high < 1.46


def test_both_models_share_the_plan_of_the_more_demanding_one():
    clock = CostlyClock(100)
    plan = compare_latency(lambda x: clock.advance(1e3), lambda x: clock.advance(1e6), [0], 6, timer=clock,
                           warmup_s=0.01).protocol
    assert plan["calls_per_sample"] == 10 and plan["samples_per_block"] == 5
    clock = VirtualClock()
    plan = compare_latency(lambda x: clock.advance(1e6), lambda x: clock.advance(4e6), [0], 6, timer=clock,
                           block_s=0.1).protocol
    assert (plan["calls_per_sample"], plan["samples_per_block"]) == (1, 25)


def test_a_hiccup_in_a_block_does_not_move_its_median():
    clock, calls = VirtualClock(), []
    hiccups = lambda x: (calls.append(x), clock.advance(1e6 + 9e6 * (len(calls) % 9 == 0)))
    r = compare_latency(hiccups, hiccups, [0], 10, timer=clock, block_s=0.02)
    assert set(r.baseline_ms) == set(r.optimized_ms) == {1.0}


def test_a_speedup_is_the_median_of_the_pairs():
    speedup, low, high = paired_interval(np.array([0.0] * 18 + [3.0, 5.0]))
    assert speedup == low == high == 1
    speedup, low, high = paired_interval(np.log(np.arange(1, 21.0)))
    assert (low, high) == pytest.approx((6, 15)) and speedup == pytest.approx(math.sqrt(10 * 11))


def test_the_same_seed_gives_the_same_order_and_result(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0, 0), raising=False)

    def run(rng):
        clock, model = machine()
        return compare_latency(model(1), model(1.01), [0], timer=clock, rng=rng).to_dict()
    assert run(5) == run(np.random.default_rng(5)) != run(6)


def test_the_result_can_be_recomputed_and_is_plain():
    clock, model = machine()
    r = compare_latency(model(1), model(2), [0], timer=clock, rng=0)
    d = json.loads(json.dumps(r.to_dict(), allow_nan=False))
    speedup, low, high = paired_interval(np.log(np.divide(d["baseline_ms"], d["optimized_ms"])))
    assert np.allclose((speedup, low, high), (d["speedup"], d["ci_low"], d["ci_high"]), rtol=1e-12)
    assert d["verdict"] == verdict(low, high, d["min_effect"]) and type(r.to_dict()["speedup"]) is float
    assert set(r.to_dict(blocks=False)) == {"speedup", "ci_low", "ci_high", "verdict", "scope", "pairs", "min_effect",
                                            "warnings", "protocol"} == set(d) - {"baseline_ms", "optimized_ms"}


@pytest.mark.parametrize("options, message", [
    (dict(pairs=5), "got 5 values, expected at least 6"),
    (dict(pairs=40.0), "pairs: got 40.0, expected a whole number"), (dict(min_effect=-1), "min_effect -1"),
    (dict(scope="galaxy"), "scope: got 'galaxy'"), (dict(scope="across_processes", processes=1), "processes: got 1"),
    (dict(inputs=[]), "inputs: got none")])
def test_compare_latency_says_what_is_wrong_before_it_measures(options, message):
    with pytest.raises(ValueError, match=message):
        compare_latency(**dict(baseline=pytest.fail, optimized=pytest.fail, inputs=["called"]) | options)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_numpys_integers_count_like_any_other(kind, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0, 0), raising=False)

    def run(number):
        clock, model = machine()
        return compare_latency(model(1), model(1.1), [0], pairs=number(40), timer=clock, rng=0).to_dict()
    assert json.dumps(run(kind)) == json.dumps(run(int)) and median_ranks(kind(40)) == median_ranks(40)
    clock, model = machine()
    assert json.dumps(measure_latency(model(1), [0], kind(6), calls_per_sample=kind(2), timer=clock).to_dict())


def test_noisy_ratios_are_reported():
    clock, model = machine(noise=0.5)
    r = compare_latency(model(1), model(1), [0], timer=clock, rng=0, block_s=0.001)
    assert any("do not trust" in w for w in r.warnings) and r.verdict == "inconclusive"


# An equal footing.

def cut(layer):
    "`layer` with its weight cut from a larger array."
    larger = np.zeros((100, 100), np.float32)
    rows, columns = layer.weight.data.shape
    larger[3:3 + rows, 5:5 + columns] = layer.weight.data
    layer.weight.data = larger[3:3 + rows, 5:5 + columns]
    return layer


def test_arrays_of_other_kinds_keep_their_kind_when_moved():
    from tinytorch.perf.footing import _relocated
    parts = {"named": np.array(["a", None], dtype=object), "matrix": np.ma.masked_array([1.0, 2.0], [True, False]),
             "array": np.arange(6.0).reshape(2, 3).T}
    moved = _relocated(parts, [], np.random.default_rng(0))
    for name, part in parts.items():
        assert type(moved[name]) is type(part) and moved[name].dtype == part.dtype and moved[name] is not part
        assert moved[name].tolist() == part.tolist() and not np.shares_memory(moved[name], part)


@pytest.mark.parametrize("pairs, samples, left_s, fits", [
    (40, 100, 8, (40, 100)), (40, 100, 4, (40, 50)), (40, 100, 0.24, (40, 3)), (40, 100, 0.12, (20, 3)),
    (40, 100, 0.001, (6, 3))])
def test_samples_go_before_pairs_where_time_is_short(pairs, samples, left_s, fits):
    from tinytorch.perf.pairs import _fit
    assert _fit(pairs, samples, 0.001, left_s + 1e-9) == fits  # a sample takes 1 ms


PASTS = {"built": lambda m: m, "copied": copy.deepcopy, "loaded": lambda m: pickle.loads(pickle.dumps(m)),
         "looked at": lambda m: (vars(m), m)[1], "cut": cut}


@pytest.mark.parametrize("past", PASTS)
def test_whatever_its_past_a_moved_model_is_like_any_other(past):
    original = PASTS[past](Linear(6, 4))
    moved = _Movable(original)
    moved.move(np.random.default_rng(0))
    model = moved.model
    assert type(model) is Linear and model is not original and list(vars(model)) == list(vars(Linear(6, 4)))
    for name in ("weight", "bias"):
        array, mine = getattr(model, name).data, getattr(original, name).data
        assert np.array_equal(array, mine) and not np.shares_memory(array, mine)
        assert (array.dtype is np.dtype("float32") and array.flags.c_contiguous
                and array.__array_interface__["data"][0] % 64 == 0)


def test_arrays_move_to_any_line_of_a_page_and_keep_their_order_of_axes():
    moved, rng, lines = (_Movable(Affine(np.asfortranarray(np.arange(12.0).reshape(3, 4)))), np.random.default_rng(0),
                         set())
    for _ in range(300):
        moved.move(rng)
        lines.add(moved.model.weight.__array_interface__["data"][0] // 64 % 64)
    assert (len(lines) > 50 and moved.model.weight.flags.f_contiguous
            and np.array_equal(moved.model.weight, np.arange(12.0).reshape(3, 4)))


class Seen:
    "A model that notes which of its copies was called, and takes 1 ms of a virtual clock."
    def __init__(self, clock, log): self.clock, self.log, self.weight, self.calls = clock, log, np.ones(3), 0

    def forward(self, x):
        self.calls += 1
        self.log(self)
        self.clock.advance(1e6)


def test_both_models_move_before_each_block_and_the_originals_are_left_alone():
    clock, places = VirtualClock(), []
    note = lambda model: places.append(model.weight.__array_interface__["data"][0])  # a function is not copied
    first, second = Seen(clock, note), Seen(clock, note)
    r = compare_latency(first, second, [0], pairs=40, timer=clock, rng=0, block_s=0.005)
    assert (r.protocol["footing"] == "copies" and r.protocol["layouts"] == 40
            and (r.min_effect, r.verdict) == (0.02, "equivalent"))
    assert first.calls == second.calls == 0 and first.weight.__array_interface__["data"][0] not in places
    blocks = np.array(places[-400:]).reshape(80, 5)
    assert (blocks == blocks[:, :1]).all() and len(set(blocks[:, 0])) > 40
    assert compare_latency(first, second, [0], pairs=6, timer=clock, block_s=0.05).protocol["layouts"] == 24


def test_a_model_that_remembers_goes_on_where_it_was():
    clock, counts = VirtualClock(), []
    r = compare_latency(Seen(clock, lambda m: counts.append(m.calls)), lambda x: clock.advance(1e6), [0], pairs=6,
                        timer=clock, block_s=0.005)
    assert counts == list(range(1, len(counts) + 1)) and r.protocol["layouts"] == 6


def test_a_function_moves_what_it_is_around():
    W, rng = np.ones((4, 3)), np.random.default_rng(0)
    model, calls = Affine(W), []

    def closed(x): calls.append(x); return model.forward(x)
    for function in (closed, lambda x: x @ W, lambda x, m=model: m.forward(x), GLOBAL):
        moved = _Movable(function)
        moved.move(rng)
        (held,) = moved.captured.values()
        assert moved.movable and np.array_equal(moved.model(np.eye(4)), W) and held is not model and held is not W
        assert moved.model.__code__ is function.__code__ and moved.model.__name__ == function.__name__
    assert (len(calls) == 1 and not _Movable(len).movable and not _Movable(np.tanh).movable
            and not _Movable(lambda x: np.tanh(x)).movable)


GLOBAL_MODEL = type("Model", (), {"forward": lambda self, x: x @ np.ones((4, 3))})()
GLOBAL = lambda x: GLOBAL_MODEL.forward(x)


class Locked:
    "A model that cannot be copied."
    def __init__(self, clock, ms, error=None):
        self.clock, self.ms, self.error, self.lock = clock, ms, error, threading.Lock()
    def forward(self, x): self.clock.advance(1e6 * self.ms)


class Itself(Locked):
    def __deepcopy__(self, memo): return self


class Broken(Locked):
    def __deepcopy__(self, memo): raise OSError("no second session")


@pytest.mark.parametrize("kind, words", [(Locked, "cannot pickle '_thread.lock' object"),
                                         (Itself, "its copy is the object itself"), (Broken, "no second session")])
def test_a_model_that_cannot_be_copied_is_measured_as_it_is(kind, words):
    clock = VirtualClock()
    r = compare_latency(kind(clock, 1.04), Seen(clock, lambda m: None), [0], pairs=6, timer=clock)
    assert ((r.min_effect, r.verdict, r.protocol["footing"], r.protocol["layouts"])
            == (0.05, "equivalent", "as given", 0))
    assert (r.warnings[0].startswith(f"baseline: {kind.__name__} cannot be copied ({words}")
            and "the smallest effect is 5%" in r.warnings[0])
    r = compare_latency(kind(clock, 1), kind(clock, 1), [0], pairs=6, timer=clock, min_effect=0.1)
    assert r.min_effect == 0.1
    found = measure_latencies({"a": kind(clock, 1), "b": kind(clock, 2)}, [0], runs=16, timer=clock)
    assert ([r.median for r in found.values()] == [1, 2]
            and all(words in r.warnings[0] and r.metadata["footing"] == "as given" for r in found.values()))


def test_latencies_side_by_side_are_taken_in_turns():
    clock, order = VirtualClock(), []
    models = {name: Seen(clock, lambda m, name=name: order.append(name)) for name in "abc"}
    found = measure_latencies(models, [0], runs=80, timer=clock, rng=0)
    turns = ["".join(order[-240:])[i:i + 10] for i in range(0, 240, 10)]
    rounds = ["".join(turn[0] for turn in turns[i:i + 3]) for i in range(0, 24, 3)]
    assert (all(len(set(turn)) == 1 for turn in turns) and {"".join(sorted(r)) for r in rounds} == {"abc"}
            and len(set(rounds)) > 2)
    assert [(r.count, r.metadata["footing"]) for r in found.values()] == [(80, "copies")] * 3


def test_batch_throughput_takes_256_rows_and_two_seconds(monkeypatch):
    clock, seen = VirtualClock(), []
    monkeypatch.setattr(time, "perf_counter_ns", clock)

    class Model:
        def __init__(self, ms): self.ms = ms
        def forward(self, x): seen.append(len(x)); clock.advance(1e6 * self.ms * len(x))
    assert (_batch_throughput(Model(0.1), np.zeros((1000, 1)))
            == {"batch_size": 256, "batch_throughput_samples_per_sec": pytest.approx(10_000)})
    assert seen == [256] * 5
    seen.clear()
    assert _batch_throughput(Model(60), np.zeros((40, 1)))["batch_size"] == 40 and seen == [40]


# A measurement ends.

def test_a_clock_in_seconds_shows_in_its_smallest_step_also_where_most_readings_are_equal():
    times = iter([0.0] * 5 + [2.5e-7] * 3000 + [1.0])
    with pytest.raises(ValueError, match="timer: got steps of 2.5e-07"): preflight(lambda: next(times))


@pytest.mark.parametrize("timer, words", [
    (time.perf_counter, r"timer: got steps of \S+, expected integer nanoseconds, time.perf_counter_ns"),
    (lambda: math.nan, "timer: got nan, expected integer nanoseconds"), (lambda: math.inf, "timer: got inf"),
    (lambda: "now", "timer: got 'now'"),
    (lambda: None, "timer: got None"),
    (itertools.cycle([1, 2, math.nan]).__next__, "timer: got nan"), (lambda: 7, "0 s measured for .* stands still"),
    (lambda: int(time.time()), "timer: 0 s measured|moved by"),
    (itertools.count(0, 10**12).__next__, "timer: moved by 1e.12 from one reading to the next"),
    (itertools.count(0, -1).__next__, "timer: jumped back by 1, expected"), (lambda: 10**40, "timer: got 1000"),
    (lambda: time.perf_counter_ns() // 1000, "timer: moved by .* in [0-9.]+ s, expected integer nanoseconds")])
def test_what_is_no_clock_is_one_sentence_at_once(timer, words):
    began = time.monotonic()
    for measure in (lambda: measure_latency(abs, np.ones((3, 1)), timer=timer),
                    lambda: compare_latency(abs, abs, np.ones((3, 1)), timer=timer)):
        with pytest.raises(ValueError, match=words) as caught:
            measure()
        assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 60


def test_a_timer_is_a_function():
    with pytest.raises(TypeError, match="timer: got 3, expected a function that gives nanoseconds"):
        preflight(3)


def test_a_clock_that_jumps_back_while_a_model_runs_is_found_out():
    clock, calls = VirtualClock(), []
    model = lambda x: (calls.append(x), clock.advance(-1e9 if len(calls) == 150 else 1e6))
    for measure in (lambda: measure_latency(model, [0], runs=60, timer=clock),
                    lambda: compare_latency(model, model, [0], timer=clock)):
        calls.clear()
        with pytest.raises(ValueError, match=r"timer: .*-1e\+09 ns, expected integer nanoseconds"):
            measure()


def test_a_coarse_clock_costs_seconds_and_says_so_before():
    clock = CostlyClock(500, tick_ns=15_600_000)
    model = lambda x: clock.advance(100_000)
    with pytest.warns(UserWarning,
                      match=r"ticks every 15.6 ms, .* is known to 12%: pass a finer timer; this takes about 10 s"):
        r = compare_latency(model, model, [0], timer=clock, rng=0)
    assert (clock.now < 15e9 and r.verdict in ("equivalent", "inconclusive")
            and any("ticks every 15.6 ms" in w for w in r.warnings))
    clock.now = 0.0
    with pytest.warns(UserWarning, match="this takes about 10 s"):
        assert measure_latency(model, [0], timer=clock).median == pytest.approx(0.1, rel=0.17)
    assert clock.now < 15e9


class Sleeper:
    "A model that takes `ms` by the clock."
    def __init__(self, clock, ms): self.clock, self.ms = clock, ms

    def forward(self, x): self.clock.advance(self.ms * 1e6)


@pytest.fixture
def clock(monkeypatch):
    "A clock that models advance; so they do real time, in which a look takes 0.1 ms: a busy machine changes nothing."
    from tinytorch.perf import results
    clock, looks = VirtualClock(), itertools.count()
    monkeypatch.setattr(results.time, "monotonic", lambda: clock.now / 1e9 + next(looks) / 1e4)
    return clock


def test_a_comparison_fits_into_its_limit(clock):
    r = compare_latency(Sleeper(clock, 5), Sleeper(clock, 5), [0], timer=clock, limit_s=1)
    assert (6 <= r.pairs < 40 and r.pairs == len(r.ratios)
            and any("fit into 1 s: raise limit_s" in w for w in r.warnings))
    assert r.protocol["samples_per_block"] == 3 and r.protocol["limit_s"] == 1
    with pytest.raises(ValueError,
                       match=r"limit_s: \d of 6 pairs in 0.5 s, expected at least 6; raise it, or use smaller inputs"):
        compare_latency(Sleeper(clock, 40), Sleeper(clock, 40), [0], timer=clock, limit_s=0.5)


def test_latency_ends_at_its_limit_with_what_it_has(clock):
    r = measure_latency(Sleeper(clock, 5), [0], runs=10_000, timer=clock, limit_s=1)
    assert 10 < r.count < 10_000 and any("ended after 1 s with" in w and "of 10000 runs" in w for w in r.warnings)
    r = measure_latency(Sleeper(clock, 200), [0], runs=6, timer=clock, limit_s=1)
    assert r.metadata["warmup_calls"] < 20
    for wrong in (0, -1, math.nan, "60", None):
        with pytest.raises(ValueError, match="limit_s: got .*, expected seconds"):
            measure_latency(abs, [0], limit_s=wrong)


def test_a_slow_model_moves_its_bar(monkeypatch, clock):
    tqdm, bars = pytest.importorskip("tqdm"), []
    monkeypatch.setattr(tqdm, "tqdm", lambda it, **options: bars.append(len(it)) or it)
    measure_latency(Sleeper(clock, 100), [0], runs=8, timer=clock, warmup_s=0, warmup_calls=1)
    assert bars == [4]  # a quarter of a second is two calls
    measure_latency(Sleeper(clock, 600), [0], runs=8, timer=clock, warmup_s=0, warmup_calls=1)
    assert bars == [4, 8]  # and no less than one


@pytest.mark.parametrize("samples, layouts", [(39, 1), (40, 4)])
def test_a_block_of_40_samples_is_measured_in_four_layouts(samples, layouts, clock, monkeypatch):
    from tinytorch.perf.pairs import _Subject
    moved, move = [], _Subject.move
    monkeypatch.setattr(_Subject, "move", lambda subject, rng: moved.append(move(subject, rng)))
    compare_latency(Sleeper(clock, 1), Sleeper(clock, 1), [0], pairs=6, timer=clock, warmup_s=0, warmup_calls=1,
                    block_s=samples * 1e-3)
    assert len(moved) == 2 + 2 * 6 * layouts  # both are copied once before they are warmed up


# Across processes.

class ClockedModel:
    "Takes `ms` on a virtual clock; where this process has an odd hash of a string, `odd` ms."
    def __init__(self, clock, ms, odd=None):
        self.clock, self.ms, self.odd = clock, ms, odd

    def forward(self, x):
        print("noise on stdout")
        odd = self.odd is not None and hash("layout") % 2
        self.clock.advance(1e6 * (self.odd if odd else self.ms))


def across(odd, **options):
    clock = VirtualClock()
    return compare_latency(ClockedModel(clock, 1), ClockedModel(clock, 0.5, odd), [0], pairs=6, timer=clock, rng=3,
                           scope="across_processes", block_s=0.001, warmup_s=0, **options)


def test_six_processes_that_agree(capfd):
    r = across(odd=None)
    assert (r.speedup, r.verdict, r.scope) == (2, "faster", "across_processes")
    runs = r.protocol["processes"]
    assert len(runs) == 6 == len({run["seed"] for run in runs}) and len(r.baseline_ms) == 36
    assert "noise" not in capfd.readouterr().out


def test_a_claim_needs_every_process(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # each process gets a seed of its own all the same
    r = across(odd=1.0)
    assert {run["verdict"] for run in r.protocol["processes"]} == {"faster", "equivalent"}
    assert r.verdict == "inconclusive" and r.ci_low == pytest.approx(1) and r.ci_high == pytest.approx(2)


def test_what_six_processes_say_together(monkeypatch):
    asked = []

    def process(job, seed):
        asked.append((job[3]["rng"], seed))
        k = len(asked)
        return {"speedup": 1 + k / 100, "ci_low": 1 + k / 200, "ci_high": 1.1 + k / 100, "verdict": "inconclusive",
                "protocol": {"block_s": 0.01 * k}, "pairs": 40 - k, "min_effect": 0.02 if k < 6 else 0.05,
                "baseline_ms": [k], "optimized_ms": [1], "warnings": ["noisy"] * (k == 3)}
    monkeypatch.setattr("tinytorch.perf.pairs._fresh_process", process)
    r = compare_latency(len, len, [[]], scope="across_processes", rng=0, progress=False)
    assert len(asked) == 6 == len(set(asked)) and all(rng == seed for rng, seed in asked)
    assert (r.pairs, r.min_effect) == (34, 0.05)
    assert (r.ci_low, r.ci_high) == (1.005, 1.1 + 6 / 100) and r.speedup == pytest.approx(math.sqrt(1.03 * 1.04))
    assert r.warnings == ["process 3: noisy"] and r.baseline_ms == [1, 2, 3, 4, 5, 6] and r.protocol["block_s"] == 0.01
    assert [run["seed"] for run in r.protocol["processes"]] == [seed for _, seed in asked]


def test_models_that_cannot_travel_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="without lambdas"):
        compare_latency(lambda x: 0, len, [0], scope="across_processes")
    monkeypatch.setattr(sys.modules["__main__"], "Local", type("Local", (), {"__module__": "__main__"}), raising=False)
    with pytest.raises(ValueError, match="move them to a module"):
        compare_latency(sys.modules["__main__"].Local(), len, [0], scope="across_processes")


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="TypeError"):
        compare_latency(len, len, [0], scope="across_processes")


# The other metrics.

class Affine:
    def __init__(self, W): self.weight = W
    def forward(self, x): return x @ self.weight


class Foreign:
    "An array of another library."
    def __init__(self, n): self.n = n
    def numel(self): return self.n
    def element_size(self): return 4
    def data_ptr(self): return id(self)
    def detach(self): return self


class ForeignModel:
    def __init__(self, *held): self._held = held
    def parameters(self): return iter(self._held[:2])
    def buffers(self): return iter(self._held[2:])
    def forward(self, x): return x


def test_stored_bytes_of_arrays_that_are_not_ours():
    shared = Foreign(100)
    model = ForeignModel(Foreign(10), shared, shared)
    assert (stored_bytes(model) == 440 == measure_memory(model, 0).stored_bytes
            == stored_bytes(lambda x: model.forward(x)))
    assert stored_bytes(ForeignModel(Foreign(1), np.ones(3))) == 4 + 24
    one = type("Array", (), {"nbytes": 12})()
    assert stored_bytes(ForeignModel(one, one)) == 12

    class Hidden:
        __slots__ = ()
        def parameters(self): return [Tensor(np.ones(5))]
    assert stored_bytes(Hidden()) == 20
    for held in (object(), 3.0, type("Odd", (), {"nbytes": "many"})()):
        with pytest.raises(ValueError,
                           match="stored bytes: the model lists a parameter of type .* there is no array in it"):
            stored_bytes(ForeignModel(held))


def test_models_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    X, y, X_test, y_test = load_digits()
    model = linear_model.LogisticRegression(max_iter=20).fit(X[:200], y[:200])
    with pytest.raises(TypeError, match=r"model: got LogisticRegression, .* wrap it: lambda x: model.predict\(x\)"):
        measure_latency(model, X_test)
    scores = lambda x: model.decision_function(x)
    assert (measure_accuracy(scores, X_test, y_test).accuracy > 0.7
            and stored_bytes(scores) == stored_bytes(model) >= 65 * 10 * 4)
    r = compare_latency(scores, lambda x: model.predict(x), X_test, pairs=6, block_s=0.002, warmup_s=0.01,
                        progress=False)
    assert (r.protocol["footing"] == "copies" and r.min_effect == 0.02
            and measure_latency(lambda x: model.predict(x), X_test, 6).median > 0)


def test_models_of_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model, X = torch.nn.Linear(64, 10), load_digits()[2]
    assert stored_bytes(model) == 4 * 650 == measure_memory(model, torch.from_numpy(X)).stored_bytes
    with pytest.raises(TypeError,
                       match=r"Linear does not take an array .* wrap it: lambda x: model\(torch.from_numpy\(x\)\)"):
        measure_latency(model, X)
    wrapped = lambda x: model(torch.from_numpy(x))
    r = compare_latency(wrapped, wrapped, X, pairs=6, block_s=0.002, warmup_s=0.01, progress=False)
    assert r.protocol["footing"] == "copies" and measure_latency(model, torch.from_numpy(X), 6).median > 0


def test_what_takes_tensors_shows_its_wrapper():
    class Parameter: __module__ = "torch.nn.parameter"
    class Theirs:
        def __init__(self, *kinds): self.kinds = kinds
        def parameters(self): return (kind() for kind in self.kinds)
        def __call__(self, x): raise TypeError("no array")
    for kinds, words in (((), "convert"), ((Parameter,), "torch.from_numpy"), ((float,), "float")):
        with pytest.raises(TypeError, match=re.escape(f"wrap it: lambda x: model({words}(x))")):
            measure_latency(Theirs(*kinds), np.ones((2, 10)))


def test_what_cannot_be_called_shows_its_wrapper():
    class Session:
        def run(self, names, feeds): return feeds
    with pytest.raises(TypeError, match=r"model: got Session, .*wrap it: lambda x: model.run\(None, "
                       r"\{model.get_inputs\(\)\[0\].name: x\}\)"):
        compare_latency(Session(), Session(), [0])
    with pytest.raises(TypeError,
                       match=r"SimpleMLP does not take an array \(.*\); wrap it: lambda x: model\(Tensor\(x\)\)"):
        compare_latency(SimpleMLP(), SimpleMLP(), np.ones((2, 10)))


def test_stored_bytes_count_memory_once():
    W = np.ones((64, 32), np.float32)

    class Slotted:
        __slots__ = ("codes", "scale", "grad")

    layer = Slotted()
    layer.codes, layer.scale, layer.grad = W.astype(np.int8), np.ones(1, np.float32), W.copy()
    model = Affine(W)
    model.layers, model.tied, model.me = [layer, layer, {"mask": W > 0}], W.T[:3], model
    assert stored_bytes(model) == W.nbytes + W.size + 4 + W.size
    model.module, model.function = np, lambda x: W
    assert stored_bytes(model) == W.nbytes + W.size + 4 + W.size


def test_models_of_the_framework():
    X, y = load_digits()[2:]
    model, rows = SimpleMLP(64, 32, 10), Tensor(X)
    for parameter, values in zip(model.parameters(), load_digits_mlp()):
        parameter.data, parameter.requires_grad = values, True
    assert stored_bytes(model) == 4 * 2410
    CrossEntropyLoss()(model(rows), Tensor(y)).backward()
    assert stored_bytes(model) == 4 * 2410 and measure_memory(model, rows).stored_bytes == 4 * 2410
    assert measure_accuracy(model, rows, y).correct == measure_accuracy(model, rows, Tensor(y)).correct >= 0.92 * len(y)
    clock = VirtualClock()
    seen = []
    model.forward = lambda x: (seen.append((type(x), x.shape)), clock.advance(1e6))
    assert measure_latency(model, rows, 6, timer=clock).median == 1 and set(seen) == {(Tensor, (1, 64))}


def test_peak_is_what_one_pass_allocates():
    found = measure_memory(Affine(np.ones((64, 32))), np.ones((1000, 64)))
    assert found.stored_bytes == 64 * 32 * 8 and 256_000 <= found.peak_bytes < 260_000
    assert not tracemalloc.is_tracing()
    made = []
    lazy = lambda x: made or made.append(np.ones(10**6))
    assert measure_memory(lazy, 0).peak_bytes < 10_000
    tracemalloc.start()
    try:
        kept, freed = np.ones(100_000), np.ones(10**6)
        del freed
        assert measure_memory(Affine(np.ones((64, 32))), np.ones((1000, 64))).peak_bytes < 260_000 < kept.nbytes
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_throughput_of_each_batch_size():
    clock = VirtualClock()
    found = measure_throughput(lambda x: clock.advance(1e7 + 1e6 * len(x)), np.zeros((100, 2)), (1, 10, 100),
                               timer=clock)
    assert ({size: r.median for size, r in found.items()}
            == pytest.approx({1: 1 / 0.011, 10: 10 / 0.020, 100: 100 / 0.110}))
    assert {size: r.metadata["batch_size"] for size, r in found.items()} == {1: 1, 10: 10, 100: 100}
    seen = []
    measure_throughput(lambda x: (seen.append(x[0, 0]), clock.advance(1e6)), np.arange(2000.0).reshape(1000, 2), (2,),
                       300, timer=clock)
    assert len(set(seen)) == 256
    assert json.dumps(measure_throughput(lambda x: clock.advance(1e6), np.zeros((9, 2)), [np.int64(3)], timer=clock)[3]
                      .to_dict())
    with pytest.raises(ValueError, match="batch size: got 2.5"):
        measure_throughput(len, np.zeros((100, 2)), (2.5,))
    with pytest.raises(ValueError, match="batch size: got 101, expected 1 to 100"):
        measure_throughput(len, np.zeros((100, 2)), (101,))


@pytest.mark.parametrize("k, n", [(0, 10), (5, 10), (10, 10), (342, 359)])
def test_wilson_solves_its_equation(k, n):
    for p in wilson_interval(k, n):
        assert abs(k / n - p) == pytest.approx(1.96 * math.sqrt(p * (1 - p) / n), abs=1e-9)
    with pytest.raises(ValueError, match="proportion: got"):
        wilson_interval(n + 1, n)
    assert wilson_interval(np.int32(50_000), np.int32(100_000)) == wilson_interval(50_000, 100_000)
    with pytest.raises(ValueError, match="proportion: got 2.5, expected a whole number"):
        wilson_interval(2.5, 5)


def test_accuracy_with_its_interval():
    found = measure_accuracy(lambda X: X, np.eye(4), [0, 1, 2, 0])
    assert (found.correct, found.total, found.accuracy) == (3, 4, 0.75)
    assert found.to_dict()["ci_low"] == wilson_interval(3, 4)[0] and "3/4" in repr(found)
    with pytest.raises(ValueError, match=r"scores \(4, 4\) and labels \(3,\)"):
        measure_accuracy(lambda X: X, np.eye(4), [0, 1, 2])


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_diverged_model_has_no_accuracy(score):
    for measure in (lambda: measure_accuracy(lambda X: X, np.full((3, 4), score), [0, 0, 0]),
                    lambda: compare_accuracy(lambda X: X, lambda X: X * score, np.ones((3, 4)), [0, 0, 0])):
        with pytest.raises(ValueError, match="12 of 12 scores are NaN or infinite"):
            measure()


@pytest.mark.parametrize("labels", [[0, 1, 4], [0, -1, 1], [0, 1, 0.5], [0, 1, np.nan], ["0", "1", "2"],
                                    [True, False, True], [None, 0, 1]])
def test_labels_are_classes(labels):
    with pytest.raises(ValueError, match="accuracy: got labels .* expected classes, whole numbers from 0 to 3"):
        measure_accuracy(lambda X: X, np.eye(4)[:3], labels)
    for right in (Tensor([0, 1, 2]), np.array([0, 1, 2], np.uint8), [0, 1, 2]):
        assert measure_accuracy(lambda X: X, np.eye(4)[:3], right).correct == 3


def test_mcnemar_is_a_fair_coin():
    assert mcnemar(0, 5) == 2 / 32 and mcnemar(3, 3) == 1 and mcnemar(0, 0) == 1
    assert mcnemar(2, 8) == mcnemar(8, 2) == 2 * (1 + 10 + 45) / 1024
    assert mcnemar(np.int64(274), np.int64(176)) == mcnemar(274, 176) == pytest.approx(4.4e-6, rel=0.02)
    for wrong in (-1, 2.0, np.float64(2), None):
        with pytest.raises(ValueError, match=rf"only_b: got .*{wrong}.*, expected a whole number from 0"):
            mcnemar(3, wrong)


def test_accuracy_of_two_models_on_the_same_samples():
    y = np.array([0, 1, 2, 3, 0, 1])
    found = compare_accuracy(lambda X: np.eye(4)[y], lambda X: np.eye(4)[[1, 1, 2, 3, 1, 1]], y, y)
    assert (found.only_baseline, found.only_optimized, found.total) == (2, 0, 6) and found.delta == -2 / 6
    assert found.p_value == mcnemar(2, 0)


def test_benchmark_of_several_models(monkeypatch):
    clock, rng = VirtualClock(), np.random.default_rng(0)

    def model(ms):
        return lambda x: (clock.advance(ms * 1e6), x)[1]
    X = np.eye(8)
    suite = BenchmarkSuite({"base": model(2), "half": model(1)}, [(X, np.arange(8))], timer=clock, rng=rng)
    with pytest.raises(ValueError, match=r"call run_full_benchmark\(\) first"):
        suite.generate_report()
    found = suite.run_full_benchmark()
    assert [r.median for r in found["latency"].values()] == [2, 1] and found["latency"]["base"].count == 10
    assert found["comparison"]["half"].verdict == "faster" and list(found["comparison"]) == ["half"]
    assert found["accuracy"]["base"][0].accuracy == 1 and found["throughput"]["half"][8].median == 8000
    assert suite.generate_report().splitlines()[-1].startswith("| half | 1 | 0 | 1.0000 | speedup x2.0000")
    assert list(Benchmark([model(1), model(2)], [(X, X)]).models) == ["model_0", "model_1"]
    monkeypatch.setattr(bench, "compare_latency", lambda a, b, inputs, **options: options)
    options = suite.compare_models(pairs=6)["half"]
    assert options["rng"] is rng and options["timer"] is clock and options["pairs"] == 6
    with pytest.raises(ValueError, match="expected at least one of each"):
        Benchmark([], [(X, X)])


def test_models_of_one_name_do_not_vanish():
    class Named:
        def __init__(self, name): self.name = name

    assert list(Benchmark(iter([Named("a"), Named("b"), len]), [(0, 0)]).models) == ["a", "b", "model_2"]
    with pytest.raises(ValueError, match=r"got the names \['a', 'b', 'a'\], expected different ones"):
        Benchmark([Named("a"), Named("b"), Named("a")], [(0, 0)])


class Recorder(ClockedModel):
    "A model that is slower by half while gradients are recorded."
    def forward(self, x):
        self.clock.advance(1e6 * self.ms * (1.5 if is_grad_enabled() else 1))
        return x


def test_a_benchmark_records_no_gradients():
    clock, X = VirtualClock(), np.eye(4)
    base, half, seen = Recorder(clock, 2), Recorder(clock, 1), []
    suite = BenchmarkSuite([base, half], [(X, np.arange(4))], timer=clock)
    found = suite.run_full_benchmark()
    assert [r.median for r in found["latency"].values()] == [2, 1] and found["throughput"]["model_1"][1].median == 1000
    assert set(found["comparison"]["model_1"].baseline_ms) == {2} and is_grad_enabled()
    far = suite.compare_models(pairs=6, scope="across_processes", processes=2, block_s=0.001, warmup_s=0,
                               progress=False)["model_1"]
    assert set(far.baseline_ms) == {2} and set(compare_latency(base, half, X, pairs=6, timer=clock).baseline_ms) == {3}
    for run in (suite.run_memory_benchmark, suite.run_accuracy_benchmark):
        base.forward = lambda x: (seen.append(is_grad_enabled()), x)[1]
        run()
    assert seen and not any(seen)


class Sees(Affine):
    "Keeps what it was called with."
    def __init__(self, *parameters): self.seen, self.listed = [], list(parameters)
    def parameters(self): return self.listed
    def forward(self, x):
        self.seen.append(x)
        return x


@pytest.mark.parametrize("parameters, kind", [((), np.ndarray), ((Tensor([1.0]),), Tensor)])
def test_latency_of_a_shape_is_that_of_one_random_input(parameters, kind):
    clock, model = VirtualClock(), Sees(*parameters)
    model.forward = lambda x, forward=model.forward: (clock.advance(1e6 * x.shape[0]), forward(x))[1]
    suite = Benchmark({"m": model}, [(np.zeros((5, 2)), np.zeros(5))], timer=clock)
    assert suite.run_latency_benchmark()["m"].median == 1 and {x.shape for x in model.seen} == {(1, 2)}
    model.seen.clear()
    assert suite.run_latency_benchmark(input_shape=(3, 2, 7))["m"].median == 3
    assert {(type(x), x.shape) for x in model.seen} == {(kind, (3, 2, 7))}
    drawn = {np.asarray(x.data).tobytes() for x in model.seen}
    assert drawn == {np.random.default_rng(0).standard_normal((3, 2, 7)).astype(np.float32).tobytes()}


def test_models_of_tensors_get_the_digits_as_a_tensor():
    X, y = load_digits()[2:]
    models = {"full": SimpleMLP(64, 32, 10), "int8": quantize_model(SimpleMLP(64, 32, 10))}
    benchmark, tensors = Benchmark(models, [(X, y)]), Tensor(X)
    assert (benchmark.run_accuracy_benchmark()["int8"][0].total == len(y)
            and benchmark.run_memory_benchmark()["full"].stored_bytes == 9640)
    assert set(benchmark.run_throughput_benchmark((1, 300, 400))["full"]) == {1, 300}   # of 355 samples
    assert (Benchmark(models, [(tensors, y)]).datasets[0][0] is tensors
            and Benchmark({"plain": Affine(X.T)}, [(X, y)]).datasets[0][0] is X)


# Generation.

class Writer:
    """Writes prompt + 0, 1, 2, ...: 1 ms for each token of the text so far, with a cache 2 ms a token;
    `wrong` is what the cache makes of token 3."""
    max_seq_len, num_layers, num_heads, embed_dim, cache = 64, 1, 1, 4, None

    def __init__(self, clock, wrong=3, asks=1): self.clock, self.wrong, self.asks = clock, wrong, asks

    def hidden(self, seen, first):
        self.clock.advance(1e6 * (2 if self.cache and not first else len(seen)))

    def generate(self, prompt, max_new_tokens, temperature):
        assert temperature == 0 and not is_grad_enabled()
        tokens = list(prompt)
        for i in range(max_new_tokens):
            for _ in range(self.asks): self.hidden(tokens, i == 0)
            tokens.append(self.wrong if i == 3 and self.cache else i)
        return Tensor(tokens)


def test_generation_times_the_first_token_and_each_further_one():
    clock = VirtualClock()
    model = Writer(clock)
    r = measure_generation(model, [7] * 10, 20, runs=3, timer=clock)
    assert ([r.first_token_ms[way].values.tolist() for way in ("uncached", "cached")] == [[10] * 3] * 2
            and r.same_tokens is True)
    assert r.token_ms["uncached"].values.tolist() == list(range(11, 30)) * 3 and set(r.token_ms["cached"].values) == {2}
    assert (r.tokens_per_s["uncached"].median == pytest.approx(20 / sum(range(10, 30)) * 1e3)
            and r.tokens_per_s["cached"].count == 3)
    assert (r.token_ms["cached"].percentile(90) == 2
            and measure_generation(model, [7], 20, runs=1, timer=clock).token_ms["cached"].percentile(90) is None)
    assert model.cache is None and "hidden" not in vars(model) and not r.warnings
    assert repr(r).startswith(
        "uncached: first token 10 ms, further ones 20 ms, 51.28 tokens/s; cached: first token 10 ms, further ones 2 ms")
    assert "<td>True</td>" in r._repr_html_() and json.dumps(r.to_dict(), allow_nan=False)


def test_a_cache_that_changes_the_tokens_is_an_error():
    clock = VirtualClock()
    model = Writer(clock, wrong=9)
    with pytest.raises(ValueError, match=r"the cache changes what the model writes, first at \[5\]"):
        measure_generation(model, [7, 7], 6, timer=clock)
    assert model.cache is None


def test_a_model_without_a_cache_is_measured_without():
    clock = VirtualClock()
    model = Writer(clock)
    model.max_seq_len = None
    r = measure_generation(model, [7], 6, timer=clock)
    assert r.same_tokens is None and list(r.token_ms) == ["uncached"] and r.warnings[0].startswith("no cache: ")
    with pytest.raises(
            ValueError,
            match=r"generate: called {'hidden': 12} times for 6 tokens, expected hidden or forward once a token"):
        measure_generation(Writer(clock, asks=2), [7], 6, timer=clock)
    for options in (dict(new_tokens=1), dict(runs=0), dict(limit_s=0), dict(timer=lambda: math.nan)):
        with pytest.raises(ValueError, match="new_tokens: got|runs: got|limit_s: got|timer: got"):
            measure_generation(**dict(model=model, prompt=[7], new_tokens=6, timer=clock) | options)


def test_generation_of_a_gpt():
    np.random.seed(0)
    model = GPT(20, 16, 1, 2, max_seq_len=16)
    r = measure_generation(model, [1, 2, 3], 20, runs=2)  # beyond the context
    assert (r.same_tokens is True and r.token_ms["cached"].count == 2 * 19 and model.cache is None
            and "hidden" not in vars(model))


# How results show themselves.

def test_results_tell_their_story_in_one_line():
    r = BenchmarkResult("latency_ms", np.linspace(1, 2, 101), warnings=["<close> it"])
    assert repr(r) == "latency_ms: n=101, median 1.5 [1.28, 1.73], IQR 0.5; 1 warning, see .warnings"
    assert str(r).splitlines()[1:] == ["  warning: <close> it"] and "see .warnings" not in str(r)
    assert "<td>101</td>" in r._repr_html_() and "&lt;close&gt;" in r._repr_html_()
    c = Comparison(1.1, 1.05, 1.2, 4, 0.02, "within_process", [1.0, 2.0, 3.0, 4.0], [1.0] * 4, {}, [])
    assert (repr(c) == "speedup x1.1000 [1.0500, 1.2000], IQR 1.5: faster (n=4 pairs, min effect 2%, within_process)"
            == str(c))
    assert "faster" in c._repr_html_() and "within_process" in c._repr_html_()


@pytest.mark.parametrize("result, line", [
    (AccuracyComparison(-0.1, 2, 0, 20, 0.5),
     "accuracy difference: -0.1000 (right alone: baseline 2, optimized 0 of 20), McNemar p = 0.5"),
    (AccuracyResult(3, 4), "accuracy: 3/4 = 0.7500 [0.3006, 0.9544]"),
    (MemoryResult(8192, 25_600), "memory: 8,192 bytes stored, peak of one pass 25,600 bytes on top")])
def test_other_results_tell_theirs(result, line):
    assert repr(result) == line and "<td>" in result._repr_html_() and dataclasses.is_dataclass(result)
    d = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert dataclasses.asdict(result).items() <= d.items()


def test_the_table_of_a_result_counts_its_outliers():
    table = BenchmarkResult("ms", [10] * 10 + [11] * 10 + [12] * 10 + [15.5, 19, 6])._repr_html_()
    assert "<td>outliers (1.5 IQR), far (3 IQR)</td><td>3, 1</td>" in table
    d = BenchmarkResult("ms", [1.0] * 9 + [5.0]).to_dict(values=True)
    assert (d["outliers"], d["far_outliers"], d["values"][-1]) == (1, 1, 5.0)


@pytest.mark.parametrize("work, label, steps", [
    (lambda model, clock, **o: measure_latency(model, [0], 3000, timer=clock, **o), "latency", 3),
    (lambda model, clock, **o: compare_latency(model, model, [0], 7, timer=clock, **o), "pairs", 7),
    (lambda model, clock, **o: compare_latency(ClockedModel(clock, 1), ClockedModel(clock, 1), [0], 6, timer=clock,
                                               warmup_s=0,
                                               scope="across_processes", processes=2, **o), "processes", 2)])
def test_long_work_shows_a_bar_after_a_second(monkeypatch, work, label, steps):
    tqdm, clock, bars = pytest.importorskip("tqdm"), VirtualClock(), []
    monkeypatch.setattr(tqdm, "tqdm", lambda it, **options: bars.append((len(it), options)) or it)
    model = lambda x: clock.advance(1e6)
    work(model, clock)
    assert bars == [(steps, dict(desc=label, delay=1, leave=False, disable=False))]
    work(model, clock, progress=False)
    assert bars[-1][1]["disable"] is True


def test_nothing_needs_a_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    clock = VirtualClock()
    assert measure_latency(lambda x: clock.advance(1e6), [0], 6, timer=clock).count == 6


def test_plots_show_centre_and_interval():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    ax = BenchmarkResult("latency_ms", np.linspace(1, 2, 100)).plot()
    assert [t.get_text().split()[0] for t in ax.get_legend().get_texts()] == ["p50", "p90", "p95"]
    assert len(ax.patches) == 15
    ax = Comparison(1.1, 1.05, 1.2, 2, 0.02, "within_process", [1.1, 1.2], [1.0, 1.0], {}, []).plot()
    assert list(ax.lines[0].get_ydata()) == [1.1, 1.2]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["95 % interval", "speedup 1.100"]
    low, high = ax.patches[0].get_extents().transformed(ax.transData.inverted()).intervaly
    assert (low, high) == pytest.approx((1.05, 1.2))
    import matplotlib.pyplot
    matplotlib.pyplot.close("all")


def test_import_stays_cheap():
    code = ("import sys; import tinytorch.benchmarking; "
            "print([m for m in ('matplotlib', 'tqdm', 'subprocess', 'tracemalloc', 'scipy') if m in sys.modules])")
    before = subprocess.check_output([sys.executable, "-c", code.replace("tinytorch.benchmarking", "numpy")], text=True)
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == before


def test_module_is_found_beside_its_neighbours():
    import tinytorch.perf.benchmarking as alias
    assert alias.compare_latency is compare_latency and set(alias.__all__) == set(bench.__all__)


def test_results_are_told_apart_by_what_they_are():
    one, other = BenchmarkResult("latency_ms", [1, 2]), BenchmarkResult("latency_ms", [1, 2])
    assert one != other and len({one, other, one}) == 2


def test_the_spread_of_two_values_and_the_warning_of_half_of_them_doubled():
    assert BenchmarkResult("latency_ms", [1, 3]).std == pytest.approx(2**0.5)
    assert "do not trust" in bench.stability_warnings([1, 2] * 6)[0]


def test_a_coarse_clock_is_read_until_it_has_moved_however_late_it_is(monkeypatch):
    from tinytorch.perf import results
    late, reads = itertools.count(0, 60), itertools.count()
    monkeypatch.setattr(results.time, "monotonic", lambda: next(late))
    assert results._clock_facts(lambda: next(reads) // 5000 * 7)[1] == 7


def test_pairs_and_samples_fit_into_what_time_is_left():
    from tinytorch.perf.pairs import _fit
    assert _fit(40, 10, 0.01, 2.0) == (33, 3) and _fit(40, 10, 0.01, 0.01) == (6, 3)
    assert _fit(40, 10, 0.01, 100) == (40, 10)
