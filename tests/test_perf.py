"""Modules 14-16 on `SimpleMLP` as the capstone exports it, on `Sequential`, and on the trained digits."""
import copy
import gc
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tinytorch.benchmarking import stored_bytes
from tinytorch.core.activations import GELU, ReLU, Sigmoid, Softmax, Tanh
from tinytorch.core.attention import MultiHeadAttention, scaled_dot_product_attention
from tinytorch.core.autograd import is_grad_enabled, no_grad
from tinytorch.core.layers import Dropout, Layer, Linear, Sequential, parts_of
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import AdamW
from tinytorch.core.spatial import AvgPool2d, BatchNorm2d, Conv2d, Flatten, MaxPool2d, SimpleCNN
from tinytorch.core.tensor import Tensor, watchers
from tinytorch.core.transformers import GPT, TransformerBlock
from tinytorch.datasets import load_digits, load_digits_mlp
from tinytorch.olympics import BenchmarkReport, SimpleMLP, generate_submission, validate_submission_schema
from tinytorch.perf.compression import (
    Compressor,
    magnitude_prune,
    measure_sparsity,
    remove_zero_columns,
    structured_prune,
)
from tinytorch.perf.profiling import Profile, Profiler, flops_of, quick_profile, trace
from tinytorch.perf.quantization import (
    QuantizedConv2d,
    QuantizedLinear,
    Quantizer,
    dequantize_int8,
    memory_usage,
    quantize_int8,
    quantize_model,
)

SIZES = 64, 32, 10
W1, B1, W2, B2 = load_digits_mlp()
X_TRAIN, Y_TRAIN, X_TEST, Y_TEST = load_digits()
MiB = 2**20


def sequential(i, h, o): return Sequential(Linear(i, h), ReLU(), Linear(h, o))
def nested(i, h, o): return Sequential(Sequential(Linear(i, h)), ReLU(), Sequential(Sequential(Linear(h, o))))


@pytest.fixture(autouse=True)
def seeded():
    "New layers draw their weights from NumPy's global generator."
    np.random.seed(20)


@pytest.fixture(params=[SimpleMLP, sequential, nested], ids=["SimpleMLP", "Sequential", "nested"])
def model(request):
    "The trained network of the digits, in each form a model may have."
    found = request.param(*SIZES)
    for parameter, values in zip(found.parameters(), load_digits_mlp()):
        parameter.data = values
    return found


def scores(model, X=X_TEST): return model.forward(Tensor(X)).data
def accuracy(model): return float(np.mean(scores(model).argmax(axis=1) == Y_TEST))
def weights(model): return [p.data for p in model.parameters() if p.data.ndim == 2]


# Profiling

def test_counts_follow_from_shapes(model):
    profiler = Profiler()
    assert profiler.count_parameters(model) == 64 * 32 + 32 + 32 * 10 + 10
    assert profiler.count_flops(model, (64,)) == (2 * 64 * 32 + 32) + 32 + (2 * 32 * 10 + 10)


@pytest.mark.parametrize("shape", [64, np.int64(64), [64], (64,), (1, 64), (7, 64)])
def test_flops_are_per_sample(shape):
    assert Profiler().count_flops(SimpleMLP(*SIZES), shape) == 4810


@pytest.mark.parametrize("layer, flops", [(Linear(8, 3), 2 * 8 * 3 + 3), (Linear(8, 3, bias=False), 2 * 8 * 3),
                                          (ReLU(), 8), (Tanh(), 8), (Sigmoid(), 32), (Softmax(), 40), (GELU(), 72),
                                          (Dropout(), 0), (QuantizedLinear(Linear(8, 3)), 2 * 8 * 3 + 6)])
def test_flops_of_each_layer(layer, flops):
    assert Profiler().count_flops(layer, (8,)) == flops
    assert Profiler().count_flops(layer, (2, 5, 8)) == 5 * flops, "a sample of five positions costs five times as much"


def test_flops_refuse_what_they_cannot_count():
    with pytest.raises(ValueError, match=r"63.*\(64, 32\)"):
        Profiler().count_flops(SimpleMLP(*SIZES), (63,))
    with pytest.raises(ValueError, match="object: unknown"):
        Profiler().count_flops(object(), (3,))
    with pytest.raises(ValueError, match=r"Conv2d: got x \(1, 2, 8, 8\)"):
        Profiler().count_flops(SimpleCNN(), (5, 2, 8, 8))


@pytest.mark.parametrize("layer, flops", [
    (Conv2d(3, 5, 3, padding=1), 5 * 36 * (2 * 27 + 1)),
    (Conv2d(3, 5, (2, 3), stride=2, bias=False), 5 * 3 * 2 * 2 * 18),
    (MaxPool2d(2), 3 * 9 * 4), (AvgPool2d(3, 1, 1), 3 * 36 * 9), (BatchNorm2d(3), 3 * 36 * 4), (Flatten(), 0),
    (QuantizedConv2d(Conv2d(3, 5, 3, padding=1)), 5 * 36 * (2 * 27 + 2))])
def test_flops_of_layers_for_images(layer, flops):
    for shape in ((1, 3, 6, 6), (4, 3, 6, 6), (3, 6, 6)):
        assert Profiler().count_flops(layer, shape) == flops


CNN_FLOPS = 16 * 64 * (2 * 9 + 2) + 16 * 16 * 4 + 32 * 16 * (2 * 144 + 2) + 32 * 4 * 4 + 10 * (2 * 128 + 1)


def test_flops_of_a_cnn_are_the_sum_of_its_layers():
    profile = quick_profile(SimpleCNN(), (3, 1, 8, 8), iterations=2)
    assert (profile["flops"] == CNN_FLOPS == sum(layer["flops"] for layer in profile["layers"])
            == Profiler().count_flops(SimpleCNN(), (1, 8, 8)))
    assert [layer["name"] for layer in profile["layers"]] == ["Conv2d", "ReLU", "MaxPool2d"] * 2 + ["Flatten", "Linear"]
    assert profile["parameters"] == 6090 == sum(layer["parameters"] for layer in profile["layers"])
    assert profile["activation_memory_mb"] == 3 * 4 * (2 * 16 * 64 + 16 * 16 + 2 * 32 * 16 + 32 * 4 + 10) / MiB


def attention_flops(T, D, heads):
    """Four projections with bias, then for each head and each pair of positions:
    scores and their scale, softmax, the weighted mean."""
    return 4 * T * D * (2 * D + 1) + heads * T * T * (2 * (D // heads) + 1 + 5 + 2 * (D // heads))


def test_attention_counts_what_it_does():
    for T, D, heads in ((5, 8, 2), (16, 32, 4), (1, 4, 1)):
        for shape in ((1, T, D), (3, T, D)):
            assert Profiler().count_flops(MultiHeadAttention(D, heads), shape) == attention_flops(T, D, heads)
    assert (Profiler().count_flops(lambda x: scaled_dot_product_attention(x, x, x), (1, 6, 4))
            == 36 * (2 * 4 + 1 + 5 + 2 * 4))


def test_flops_of_transformers():
    T, D = 6, 8
    block = (attention_flops(T, D, 2) + 2 * T * D * 8 + 2 * T * D + T * 4 * D * (2 * D + 1) + 9 * T * 4 * D
             + T * D * (2 * 4 * D + 1))
    assert Profiler().count_flops(TransformerBlock(D, 2), (1, T, D)) == block
    gpt = GPT(vocab_size=11, embed_dim=D, num_layers=3, num_heads=2, max_seq_len=T)
    assert (Profiler().count_flops(gpt, (1, T)) == Profiler().count_flops(gpt, (T,))
            == T * D + 3 * block + 8 * T * D + 2 * T * D * 11)
    with pytest.raises(ValueError, match="GPT|Position|position"): Profiler().count_flops(gpt, (T + 1,))


def test_a_transformer_is_quantized_and_pruned():
    np.random.seed(3)
    gpt, tokens = GPT(11, 16, 2, 2, max_seq_len=8), Tensor(np.random.default_rng(0).integers(0, 11, (4, 8)))
    before = gpt(tokens).data
    coded = quantize_model(copy.deepcopy(gpt), tokens)
    assert sum(isinstance(part, QuantizedLinear) for part in parts_of(coded)) == 2 * 6 + 1
    assert (np.abs(coded(tokens).data - before).max() < 0.1 * before.std()
            and memory_usage(coded)["stored_bytes"] == stored_bytes(coded))
    structured_prune(gpt.blocks[0].mlp, 0.5)
    sparse = gpt(tokens).data
    assert remove_zero_columns(gpt) is gpt and gpt.blocks[0].mlp.linear1.weight.shape == (16, 32)
    np.testing.assert_allclose(gpt(tokens).data, sparse, atol=1e-5)
    structured_prune(gpt, 0.5)
    assert (gpt.lm_head.weight.data.all() and np.isfinite(gpt(tokens).data).all()
            and remove_zero_columns(gpt)(tokens).shape == (4, 8, 11))
    assert remove_zero_columns(short := GPT(11, 16, 2, 1, max_seq_len=2)) is short  # what it is tried on is no longer


class Flow:
    "A model that lists two layers and runs them as `flow` says."
    def __init__(self, flow, listed=lambda a, b: [a, b]):
        self.a, self.b, self.flow = Linear(3, 3), Linear(3, 3, bias=False), flow
        self.layers = listed(self.a, self.b)

    def forward(self, x): return self.flow(self, x)
    def parameters(self): return [*self.a.parameters(), *self.b.parameters()]


A, B = 2 * 9 + 3, 2 * 9


@pytest.mark.parametrize("flow, flops", [
    (lambda m, x: m.a(m.a(x)), 2 * A), (lambda m, x: m.a(x), A), (lambda m, x: m.b(m.a.forward(x)) + x, A + B + 3),
    (lambda m, x: x, 0),
    (lambda m, x: m.a(x) @ m.b.weight, A + B), (lambda m, x: (m.a(x), m.b(x)), A + B),
    (lambda m, x: (m.a(x) * np.arange(3)).mean(), A + 3 + 3),
    (lambda m, x: ReLU()(Dropout(0.9).eval()(m.a(x))), A + 3),
    (lambda m, x: m.a(x).reshape(3, 1)[1:] * Tensor(np.ones(1)), A + 2),
    (no_grad()(lambda m, x: m.a(m.b(x))), A + B)])
@pytest.mark.parametrize("listed", [lambda a, b: [a, b], lambda a, b: [b, a, a], lambda a, b: []])
def test_flops_are_of_what_runs_and_not_of_what_is_listed(flow, flops, listed):
    model = Flow(flow, listed)
    assert Profiler().count_flops(model, (3,)) == flops == Profiler().count_flops(model.forward, (5, 3))


def changed_in_place(m, x):
    y = m.a(x)
    y.data[:] = np.tanh(y.data)
    return m.b(y)


def rebound(m, x):
    y = m.a(x)
    y.data = y.data @ m.b.weight.data
    return y


def input_changed(m, x):
    x.data = np.tanh(x.data)
    return m.a(x)


@pytest.mark.parametrize("flow", [
    lambda m, x: m.a(Tensor(np.tanh(x.data))), lambda m, x: Tensor(x.data @ m.b.weight.data),
    lambda m, x: x.data @ m.b.weight.data,
    lambda m, x: m.a(x) + Tensor(x.data @ m.b.weight.data), lambda m, x: m.a(x) * np.exp(x.data), changed_in_place,
    rebound, input_changed,
    lambda m, x: (m.a(x), Tensor(x.data * 2)), lambda m, x: None], ids=range(10))
def test_what_numpy_computes_on_the_side_is_refused(flow):
    with pytest.raises(
            ValueError,
            match="FLOPs of Flow: it computes .* outside of them, and only TinyTorch's operations can be counted"):
        Profiler().count_flops(Flow(flow), (3,))
    assert not watchers


def test_what_depends_on_the_values_is_refused():
    def flow(m, x):
        return m.a(x) if x.data.sum() > 0 else m.b(m.a(x))
    with pytest.raises(ValueError, match="other operations on another input"):
        Profiler().count_flops(Flow(flow), (3,))


def test_an_operation_without_a_rule_is_refused_until_it_has_one(monkeypatch):
    from tinytorch.core.tensor import result

    def cube(x): return result(x.data**3, "cube", (x,))
    with pytest.raises(ValueError, match="'cube': unknown; known are add"):
        Profiler().count_flops(cube, (4,))
    assert Profiler().count_flops(lambda x: x**2 / x - 1, (4,)) == 3 * 4
    monkeypatch.setitem(flops_of, "cube", lambda step: 2 * step.out.size)
    assert Profiler().count_flops(cube, (4,)) == 8


def test_models_of_whole_numbers_are_counted():
    class Tokens:
        table = Tensor(np.ones((2, 4)))
        def forward(self, x):
            if (x.data != x.data.astype(int)).any(): raise ValueError("expected whole numbers")
            return self.table[x.data.astype(int)] * 2
    assert Profiler().count_flops(Tokens(), (1, 6)) == 6 * 4


def test_looking_on_disturbs_nothing(model):
    norm = Sequential(BatchNorm2d(2), Dropout(0.5))
    norm.layers[1].eval()
    before = norm.layers[0].running_mean.copy()
    Profiler().count_flops(norm, (1, 2, 3, 3))
    assert (norm.layers[0].training and not norm.layers[1].training
            and np.array_equal(norm.layers[0].running_mean, before))
    quick_profile(model, (64,), iterations=1)
    assert is_grad_enabled() and not watchers and not any("forward" in vars(part) for part in model.layers)
    with pytest.raises(ValueError): Profiler().count_flops(model, (63,))
    with pytest.raises(ValueError): Profiler().measure_memory(model, (63,))
    assert not watchers and not any(p.grad is not None for p in model.parameters())


def test_a_forward_of_its_own_is_put_back():
    model = SimpleMLP(*SIZES)
    model.fc1.forward = own = lambda x: Linear.forward(model.fc1, x)
    profile = quick_profile(model, (64,), iterations=1)
    assert vars(model.fc1)["forward"] is own and [layer["flops"] for layer in profile["layers"]] == [4128, 32, 650]


def test_each_call_of_a_layer_has_its_row():
    model = Flow(lambda m, x: m.b(m.a(m.a(x))) * 2)
    profile = quick_profile(model, (4, 3), iterations=1)
    assert [layer["flops"] for layer in profile["layers"]] == [A, A, B] and profile["flops"] == 2 * A + B + 3
    assert len({len(line) for line in repr(profile).splitlines()}) == 1, "columns stay apart and in line"


def test_other_threads_are_not_counted():
    from threading import Thread

    def flow(m, x):
        thread = Thread(target=lambda: m.b(x))
        thread.start()
        thread.join()
        return m.a(x)
    assert Profiler().count_flops(Flow(flow), (3,)) == A


def test_trace_shows_what_ran(model):
    steps, y = trace(model, Tensor(X_TEST[:2]))
    assert [step.op for step in steps] == ["linear", "relu", "linear"] and steps[-1].out is y and y.node is None
    assert steps[0].inputs[1] is model.parameters()[0] and steps[1].inputs[0] is steps[0].out


def test_profiler_is_a_context_too():
    with Profiler() as p: assert p.count_parameters(SimpleMLP(*SIZES)) == 2410
    with pytest.raises(KeyError):
        with Profiler(): raise KeyError


class TorchLike:
    "A tensor of another framework, made anew at each look, as `parameter.data` is in PyTorch."
    def __init__(self, array): self.array = array
    data = property(lambda self: TorchLike(self.array))
    def numel(self): return self.array.size
    def element_size(self): return self.array.itemsize
    def data_ptr(self): return self.array.ctypes.data


class Foreign:
    def __init__(self, *arrays): self.arrays = arrays
    def parameters(self): return (TorchLike(a) for a in self.arrays)
    def forward(self, x): return TorchLike(np.zeros((7, 3)))


def test_memory_of_models_of_other_frameworks():
    tied = np.zeros((5, 3), np.float32)
    memory = Profiler().measure_memory(Foreign(tied, np.zeros(4, np.float16), tied), (3,))
    assert memory["parameter_memory_mb"] == (60 + 8) / MiB and memory["activation_memory_mb"] == 7 * 3 * 8 / MiB
    assert memory["peak_memory_mb"] >= memory["parameter_memory_mb"] + memory["activation_memory_mb"]
    assert Profiler().count_parameters(Foreign(tied)) == 15


@pytest.mark.parametrize("parameters", [lambda: [object(), object()], lambda: [Tensor(np.ones(3))]])
def test_parameters_without_a_stored_array_are_an_error(parameters):
    class Strange(Foreign): pass
    Strange.parameters = lambda self: parameters()
    for measure in (lambda: Profiler().measure_memory(Strange(), (3,)), lambda: Profiler().count_parameters(Strange())):
        with pytest.raises(ValueError, match="Strange"): measure()


def test_memory_of_a_torch_module():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch, then run this file again")
    module = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    for x in ((5, 64), X_TEST[:5], torch.tensor(X_TEST[:5])):
        memory = Profiler().measure_memory(module, x)
        assert memory["parameter_memory_mb"] == 2410 * 4 / MiB and memory["activation_memory_mb"] >= 5 * 10 * 4 / MiB
    assert Profiler().measure_latency(module, (1, 64), iterations=3) > 0 and Profiler().count_parameters(module) == 2410
    with pytest.raises((ValueError, TypeError)): Profiler().count_flops(module, (64,))


def test_a_shared_layer_counts_once():
    layer = Linear(6, 6)
    shared = Sequential(layer, ReLU(), layer)
    assert Profiler().count_parameters(shared) == 42
    assert Profiler().measure_memory(shared, (6,))["parameter_memory_mb"] == 42 * 4 / MiB
    quantize_model(shared)
    assert Profiler().count_parameters(shared) == 42
    assert Profiler().measure_memory(shared, (6,))["parameter_memory_mb"] == (36 + 6 * 4 + 4) / MiB


class Embedded:
    """Holds a layer and a Tensor beside its `layers`, and lists the weights of `layers` by name,
    of a quantized one made anew."""
    def __init__(self):
        self.embedding, self.position, self.layers = (Linear(5, 8, bias=False), Tensor(np.ones((3, 8))),
                                                      [Linear(8, 4), ReLU()])
    def forward(self, x): return self.layers[1].forward(self.layers[0].forward(self.embedding.forward(x)))
    def parameters(self):
        return [*self.embedding.parameters(), self.position, self.layers[0].weight, self.layers[0].bias]


def test_what_lies_beside_the_layers_is_counted_too():
    model, numbers = Embedded(), 5 * 8 + 3 * 8 + 8 * 4 + 4
    assert Profiler().count_parameters(model) == numbers == Profiler().count_parameters(Sequential(model))
    assert memory_usage(model)["stored_bytes"] == 4 * numbers == stored_bytes(model)
    assert Profiler().measure_memory(model.layers[0], (8,))["parameter_memory_mb"] == 36 * 4 / MiB
    quantize_model(model)
    assert Profiler().count_parameters(model) == numbers
    usage = memory_usage(model)
    assert usage["stored_bytes"] == stored_bytes(model) == (5 * 8 + 4) + 3 * 8 * 4 + (8 * 4 + 4 + 4 * 4)
    assert usage["modelled_float32_bytes"] == 4 * numbers and usage["modelled_call_bytes"] == 4 * (5 * 8 + 8 * 4)


def test_memory_is_counted_on_arrays(model):
    memory = Profiler().measure_memory(model, Tensor(X_TEST[:5]))
    assert set(memory) == {"parameter_memory_mb", "activation_memory_mb", "peak_memory_mb"}
    assert memory["parameter_memory_mb"] == 2410 * 4 / MiB
    assert memory["activation_memory_mb"] == 5 * (32 + 32 + 10) * 4 / MiB
    assert memory["peak_memory_mb"] >= memory["parameter_memory_mb"] + memory["activation_memory_mb"]
    big = Profiler().measure_memory(model, (5000, 64))
    assert (big["activation_memory_mb"] <= big["peak_memory_mb"] - memory["parameter_memory_mb"]
            <= 2 * big["activation_memory_mb"])


@pytest.mark.parametrize("flow, numbers", [(lambda m, x: x.reshape(3, 2).transpose(), 0), (lambda m, x: m.a(x).reshape(
    6)[1:].reshape(5, 1), 6), (lambda m, x: (m.a.weight[1:], m.a(x))[1] + 1, 12), (lambda m, x: x, 0)])
def test_memory_that_only_shows_what_was_there_is_not_counted_again(flow, numbers):
    assert Profiler().measure_memory(Flow(flow), (2, 3))["activation_memory_mb"] == 4 * numbers / MiB


class Clockwork:
    "A model whose calls move a clock by the given milliseconds, in turn."
    def __init__(self, monkeypatch, costs_ms):
        self.now_ns, self.costs, self.calls = 0, iter(costs_ms), 0
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.now_ns)

    def forward(self, x):
        assert not gc.isenabled(), "the garbage collector may run within a timed call"
        self.calls += 1
        self.now_ns += round(next(self.costs) * 1e6)


def test_latency_is_the_median_after_the_warm_up(monkeypatch):
    slow = Clockwork(monkeypatch, [100] * 4 + [2, 3, 50, 4, 5])
    assert Profiler().measure_latency(slow, (3,), warmup=4, iterations=5) == 4.0
    assert slow.calls == 9 and gc.isenabled()
    usual = Clockwork(monkeypatch, [9] * 10 + [2] * 100)
    assert Profiler().measure_latency(usual, (3,)) == 2.0 and usual.calls == 110


def test_latency_leaves_the_collector_as_it_was(monkeypatch):
    with pytest.raises(StopIteration):
        Profiler().measure_latency(Clockwork(monkeypatch, [1]), (3,))
    assert gc.isenabled()
    gc.disable()
    try:
        Profiler().measure_latency(SimpleMLP(), (10,), iterations=1)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("options", [{"iterations": 0}, {"warmup": -1}])
def test_latency_needs_runs(options):
    with pytest.raises(ValueError, match="expected at least"):
        Profiler().measure_latency(SimpleMLP(), (10,), **options)


def test_profile_of_a_forward_pass(model):
    profile = quick_profile(model, Tensor(X_TEST[:3]), iterations=5)
    assert isinstance(profile, Profile)
    assert [layer["name"] for layer in profile["layers"]] == ["Linear", "ReLU", "Linear"]
    assert [layer["flops"] for layer in profile["layers"]] == [4128, 32, 650] and profile["flops"] == 4810
    assert sum(layer["parameters"] for layer in profile["layers"]) == profile["parameters"] == 2410
    assert profile["gflops_per_sec"] == pytest.approx(3 * 4810 / profile["latency_ms"] / 1e6)
    assert len(repr(profile).splitlines()) == 5 and "latency_ms" in repr(profile)


def test_profiling_a_quantized_model(model):
    profile = Profiler().profile_forward_pass(quantize_model(model), (64,), iterations=3)
    assert profile["parameters"] == 2410 and profile["parameter_memory_mb"] == 2544 / MiB
    assert profile["layers"][0]["name"] == "QuantizedLinear"


def test_profile_layer_takes_arrays_and_shapes():
    layer = Linear(64, 32)
    for x in (Tensor(X_TEST[:2]), X_TEST[:2], (2, 64)):
        found = Profiler().profile_layer(layer, x, iterations=3)
        assert (found["flops"], found["parameters"], found["activation_memory_mb"]) == (4128, 2080, 2 * 32 * 4 / MiB)


# Quantization

def finite(**options):
    return arrays(np.float32, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6),
                  elements=st.floats(width=32, allow_nan=False, allow_infinity=False, **options))


@given(finite())
@settings(max_examples=200, deadline=None)
def test_codes_come_back_within_half_a_step(x):
    codes, scale = quantize_int8(Tensor(x))
    back = dequantize_int8(codes, scale)
    assert codes.dtype == np.int8 and back.dtype == np.float32 and codes.shape == back.shape == x.shape
    assert scale > 0 and codes.min(initial=0) >= -127
    assert np.all(np.abs(back.astype(float) - x) <= 0.5 * float(scale) * (1 + 1e-5))
    assert np.all(codes[x == 0] == 0)


@given(finite(min_value=-1e6, max_value=1e6))
@settings(max_examples=50, deadline=None)
def test_codes_are_symmetric_and_use_the_whole_range(x):
    codes, _ = quantize_int8(x)
    assert np.array_equal(quantize_int8(-x)[0], -codes)
    if np.abs(x).max(initial=0) > 1e-30:
        assert np.abs(codes).max() == 127


@pytest.mark.parametrize("x", [np.arange(-5, 6), np.arange(12.0).reshape(3, 4).T, np.arange(20.0)[::3], 7, [[1, -2]]])
def test_integers_views_and_lists_can_be_quantized(x):
    codes, scale = quantize_int8(x)
    assert codes.shape == np.shape(x) and np.allclose(dequantize_int8(codes, scale), x, atol=float(scale) / 2)


@pytest.mark.parametrize("x", [[1, np.nan], [np.inf, 0], [1e300]])
@pytest.mark.filterwarnings("ignore:overflow")
def test_values_without_a_float32_are_refused(x):
    with pytest.raises(ValueError, match="1 of .* NaN or infinite"):
        quantize_int8(x)


@pytest.mark.parametrize("bias", [True, False])
def test_quantized_linear_computes_what_its_codes_say(bias):
    linear = Linear(64, 32, bias=bias)
    if bias: linear.bias.data = B1
    layer, x = QuantizedLinear(linear), X_TEST[:9]
    want = x.astype(float) @ (layer.codes * float(layer.scale)) + (B1 if bias else 0)
    assert np.allclose(layer(Tensor(x)).data, want, atol=1e-5)
    assert layer(Tensor(x)).dtype == np.float32
    assert np.allclose(layer(Tensor(x.reshape(3, 3, 64))).data, want.reshape(3, 3, 32), atol=1e-5)
    assert np.allclose(layer(Tensor(x[0])).data, want[0], atol=1e-5) and layer(Tensor(x[:0])).shape == (0, 32)
    assert np.abs(layer.weight.data - linear.weight.data).max() <= 0.5001 * layer.scale


def test_a_gradient_goes_back_through_codes_and_scale():
    layer, x, g = QuantizedLinear(Linear(64, 32)), Tensor(X_TEST[:9], requires_grad=True), X_TEST[:9, :32] - 0.5
    (layer(x) * Tensor(g)).sum().backward()
    assert np.allclose(x.grad, g @ (layer.codes * float(layer.scale)).T, atol=1e-4)


def test_quantized_linear_stores_codes_and_one_scale():
    linear = Linear(64, 32)
    layer = QuantizedLinear(linear)
    assert layer.codes.dtype == np.int8 and layer.scale.size == 1
    assert layer.size_bytes() == stored_bytes(layer) == 64 * 32 + 4 + 32 * 4
    assert layer.count_parameters() == 64 * 32 + 32
    assert layer.size_bytes() < 0.27 * stored_bytes(linear)
    assert not np.shares_memory(layer.bias.data, linear.bias.data), "the float layer and its copy train apart"


def test_quantized_linear_refuses_other_features():
    layer = QuantizedLinear(Linear(64, 32))
    with pytest.raises(ValueError, match=r"\(2, 63\).*\(64, 32\)"):
        layer(Tensor(X_TEST[:2, :63]))
    for few in (Tensor(3.0), Tensor([]), Tensor([[3.0]])):
        with pytest.raises(ValueError, match=r"got x \(.*\(64, 32\)"):
            layer(few)
    with pytest.raises(TypeError, match="ndarray"):
        layer(X_TEST)


@pytest.mark.parametrize("bias", [True, False])
def test_quantized_convolution_computes_what_its_codes_say(bias):
    conv = Conv2d(3, 5, (3, 2), stride=(2, 1), padding=1, bias=bias)
    if bias: conv.bias.data = np.arange(5, dtype=np.float32)
    layer, x = QuantizedConv2d(conv), np.random.default_rng(0).normal(size=(2, 3, 6, 5)).astype(np.float32)
    twin = Conv2d(3, 5, (3, 2), stride=(2, 1), padding=1, bias=bias)
    twin.weight, twin.bias = layer.weight, conv.bias
    assert (layer.codes.dtype == np.int8 and layer.codes.shape == conv.weight.shape
            and layer.weight.shape == conv.weight.shape)
    np.testing.assert_allclose(layer(Tensor(x)).data, twin(Tensor(x)).data, atol=1e-4)
    assert (np.abs(layer.weight.data - conv.weight.data).max() <= 0.5001 * layer.scale
            and layer(Tensor(x[:0])).shape == (0, 5, 3, 6))
    assert layer.size_bytes() == stored_bytes(layer) == 90 + 4 + 20 * bias and layer.count_parameters() == 90 + 5 * bias
    assert memory_usage(layer)["modelled_call_bytes"] == 360
    with pytest.raises(ValueError, match=r"\(2, 2, 6, 5\).*\(5, 3, 3, 2\)"): layer(Tensor(x[:, :2]))
    with pytest.raises(TypeError): layer(x)


def test_filters_are_calibrated_on_their_windows():
    conv, x = Conv2d(2, 4, 3, padding=1), np.random.default_rng(0).random((20, 2, 5, 5)).astype(np.float32)
    conv.weight.data[1, 0, 1, 1], x[:, 0] = 4, x[:, 0] / 100  # a large weight that meets small numbers
    exact = conv(Tensor(x)).data
    plain, calibrated = QuantizedConv2d(conv), QuantizedConv2d(conv, x)
    error = [np.square(layer(Tensor(x)).data - exact).mean() for layer in (calibrated, plain)]
    assert error[0] < error[1] and calibrated.scale < plain.scale
    with pytest.raises(ValueError, match=r"calibration_data.*\(n, 18\)"): QuantizedConv2d(conv, x[:, :1])


def test_a_cnn_is_quantized_layer_by_layer():
    x = X_TRAIN[:50].reshape(-1, 1, 8, 8)
    model, plain = SimpleCNN(), SimpleCNN()
    for p, q in zip(plain.parameters(), model.parameters()): p.data = q.data
    second = QuantizedConv2d(model.layers[3], Sequential(*model.layers[:3])(Tensor(x)))
    assert quantize_model(model, x) is model and quantize_model(plain) is plain
    assert [type(model.layers[i]) for i in (0, 3, 7)] == [QuantizedConv2d, QuantizedConv2d, QuantizedLinear]
    assert np.array_equal(model.layers[3].codes, second.codes) and model.layers[3].stride == (1, 1)
    assert memory_usage(model)["compression_ratio"] > 3.5 and memory_usage(model)["stored_bytes"] == stored_bytes(model)
    assert isinstance(quantize_model(Conv2d(1, 2, 3)), QuantizedConv2d)
    with pytest.raises(ValueError, match="no Linear or Conv2d"): quantize_model(model)


def test_quantizer_is_another_name():
    assert (Quantizer.quantize_model is quantize_model and Quantizer().quantize_tensor is quantize_int8
            and Quantizer.dequantize_tensor is dequantize_int8)


def test_a_quantized_layer_takes_the_place_of_another():
    model = SimpleMLP(*SIZES)
    before = scores(model)
    model.fc1 = layer = QuantizedLinear(model.fc1)
    assert model.layers[0] is layer and model.count_parameters() == 2410
    assert 0 < np.abs(scores(model) - before).max() < 0.1


def test_quantized_model_keeps_accuracy_and_a_quarter_of_the_bytes(model):
    before, kept = accuracy(model), copy.deepcopy(model)
    assert quantize_model(model) is model
    assert before >= 0.95 and accuracy(model) >= before - 0.01
    usage = memory_usage(model)
    assert usage["stored_bytes"] == stored_bytes(model) == 2368 + 42 * 4 + 2 * 4
    assert usage["modelled_float32_bytes"] == memory_usage(kept)["stored_bytes"] == 2410 * 4
    assert usage["compression_ratio"] == 9640 / 2544 and usage["modelled_call_bytes"] == 2368 * 4
    assert memory_usage(kept)["compression_ratio"] == 1 and memory_usage(kept)["modelled_call_bytes"] == 0


def test_calls_of_a_quantized_layer_allocate_what_is_modelled():
    layer = QuantizedLinear(Linear(512, 512))
    usage, memory = layer.memory_usage(), Profiler().measure_memory(layer, (512,))
    at_a_call = (memory["peak_memory_mb"] - memory["parameter_memory_mb"]) * MiB
    assert usage["modelled_call_bytes"] <= at_a_call <= 1.05 * usage["modelled_call_bytes"]


def test_capstone_sees_the_saving():
    model, reports = SimpleMLP(*SIZES), []
    for parameter, values in zip(model.parameters(), load_digits_mlp()): parameter.data = values
    for name, subject in (("float32", model), ("int8", quantize_model(copy.deepcopy(model)))):
        reports.append(BenchmarkReport(name))
        reports[-1].benchmark_model(subject, X_TEST, Y_TEST, num_runs=20)
    submission = generate_submission(*reports, techniques_applied=["int8"])
    assert validate_submission_schema(submission)
    assert submission["improvements"]["compression_ratio"] == pytest.approx(9640 / 2544) and 9640 / 2544 >= 3.5
    assert submission["improvements"]["accuracy_delta"] >= -0.01
    assert reports[0].metrics["parameter_count"] == reports[1].metrics["parameter_count"] == 2410


def test_calibration_disturbs_the_output_least():
    linear, x = Linear(64, 32), X_TRAIN[:200]
    linear.weight.data[20, 5] = 1.5  # an outlier that the calibration may cut off
    exact = linear(Tensor(x)).data
    plain, calibrated = QuantizedLinear(linear), QuantizedLinear(linear, x)
    error = [np.square(layer(Tensor(x)).data - exact).mean() for layer in (calibrated, plain)]
    assert error[0] < error[1] and calibrated.scale < plain.scale
    assert calibrated.size_bytes() == plain.size_bytes()


def test_calibration_goes_by_what_the_input_brings_out():
    linear, silent, loud = Linear(8, 4), np.random.default_rng(0).random((50, 8)), np.zeros((50, 8))
    linear.weight.data[3, 1] = 2
    silent[:, 3], loud[:, 3] = 0, 1
    assert QuantizedLinear(linear, silent).scale < QuantizedLinear(linear, loud).scale == QuantizedLinear(linear).scale


def test_a_clipped_scale_cuts_both_ends_off():
    codes, scale = quantize_int8([-4.0, 1.0, 3.0], clip=0.5)
    assert scale == np.float32(2 / 127) and codes[[0, 2]].tolist() == [-127, 127]


def test_each_layer_is_calibrated_on_what_reaches_it(model):
    hidden = np.maximum(X_TRAIN[:100] @ W1 + B1, 0)
    want = []
    for w, x in ((W1, X_TRAIN[:100]), (W2, hidden)):
        linear = Linear(*w.shape)
        linear.weight.data = w
        want.append(QuantizedLinear(linear, x).codes)
    assert quantize_model(model, X_TRAIN[:100]) is model
    assert all(np.array_equal(a, b) for a, b in zip(weights(model), want))
    assert accuracy(model) >= 0.95


def test_calibration_that_fails_leaves_the_model_as_it_was(model):
    before = scores(model)
    with pytest.raises(ValueError):
        quantize_model(model, X_TRAIN[:5, :60])
    assert np.array_equal(scores(model), before) and all(w.dtype == np.float32 for w in weights(model))
    with pytest.raises(ValueError, match="calibration_data"):
        quantize_model(Linear(64, 32), X_TRAIN[:5, :60])


def test_what_holds_no_linear_cannot_be_quantized(model):
    quantize_model(model)
    with pytest.raises(ValueError, match="no Linear"):
        quantize_model(model)
    assert isinstance(quantize_model(Linear(3, 3)), QuantizedLinear)


def test_models_that_hold_layers_in_other_ways():
    class Odd:
        def __init__(self):
            self.parts, self.head, self.me = {"a": Linear(4, 4)}, [Linear(4, 2)], self
        def forward(self, x): return self.head[0](self.parts["a"](x))

    odd = quantize_model(Odd(), np.ones((3, 4)))
    assert isinstance(odd.parts["a"], QuantizedLinear) and isinstance(odd.head[0], QuantizedLinear)


def test_a_linear_in_a_tuple_is_not_passed_over():
    class Tupled:
        def __init__(self, *parts): self.first, self.shape, self.parts = Linear(4, 4), (4, 2), parts
        def forward(self, x): return self.parts[0].forward(self.first.forward(x))

    refused = Tupled(Linear(4, 2))
    with pytest.raises(ValueError, match=r"Linear\(4, 2\) in a tuple, expected a list"):
        quantize_model(refused)
    assert isinstance(refused.first, Linear)
    within = quantize_model(Tupled(Sequential(Linear(4, 2)))).parts[0]
    assert isinstance(within.layers[0], QuantizedLinear)


# Compression

@pytest.mark.parametrize("sparsity", [0, 0.1, 0.29, 0.5, 2 / 3, 0.9, 0.9999, 1])
def test_exactly_the_smallest_weights_become_zero(model, sparsity):
    before, biases = [w.copy() for w in weights(model)], [p.data.copy() for p in model.parameters()[1::2]]
    arrays_before = weights(model)
    assert magnitude_prune(model, sparsity) is model
    after, k = weights(model), math.floor(sparsity * 2368)
    assert all(a is b for a, b in zip(arrays_before, after)), "in place"
    assert sum(int((w == 0).sum()) for w in after) == k and measure_sparsity(model) == 100 * k / 2368
    zeroed = np.concatenate([np.abs(b[a == 0]) for a, b in zip(after, before)])
    kept = np.concatenate([np.abs(b[a != 0]) for a, b in zip(after, before)])
    assert zeroed.max(initial=0) <= kept.min(initial=np.inf)
    assert all(np.array_equal(a[a != 0], b[a != 0]) for a, b in zip(after, before))
    assert all(np.array_equal(a, p.data) for a, p in zip(biases, model.parameters()[1::2])), "biases stay"


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_ties_and_zeros_do_not_change_the_number(i, o, sparsity, levels):
    layer = Linear(i, o)
    layer.weight.data = np.random.default_rng(i * o).integers(-levels, levels + 1, (i, o)).astype(np.float32)
    zeros = int((layer.weight.data == 0).sum())
    magnitude_prune(layer, sparsity)
    assert (layer.weight.data == 0).sum() == max(zeros, math.floor(sparsity * i * o))


def test_half_of_the_weights_can_go(model):
    before = accuracy(model)
    assert accuracy(magnitude_prune(model, 0.5)) >= before - 0.02


def test_default_sparsity_is_nine_tenths(model):
    magnitude_prune(model)
    assert measure_sparsity(model) == 100 * 2131 / 2368


def test_views_and_shared_weights_are_pruned_where_they_lie():
    layer = Linear(6, 4)
    layer.weight.data = np.arange(1, 25, dtype=np.float32).reshape(4, 6).T
    magnitude_prune(Sequential(layer, ReLU(), layer), 0.5)
    assert np.array_equal(layer.weight.data.T.ravel(), np.r_[np.zeros(12), np.arange(13, 25)])


def test_structured_prune_takes_the_columns_of_smallest_norm(model):
    assert structured_prune(model, 0.3) is model
    gone = np.argsort(np.linalg.norm(W1, axis=0))[:math.floor(0.3 * 32)]
    want1, want_bias = W1.copy(), B1.copy()
    want1[:, gone], want_bias[gone] = 0, 0
    for got, want in zip(model.parameters(), (want1, want_bias, W2, B2)):
        assert np.array_equal(got.data, want)


@pytest.mark.parametrize("ratio, columns", [(0, 0), (0.5, 16), (0.99, 31), (1, 32)])
def test_structured_prune_takes_as_many_columns_as_asked(ratio, columns):
    model = SimpleMLP(*SIZES)
    structured_prune(model, ratio)
    assert (model.fc1.weight.data == 0).all(axis=0).sum() == columns and (model.fc2.weight.data != 0).all()


def test_structured_prune_by_default_halves():
    model = structured_prune(SimpleMLP(*SIZES))
    assert (model.fc1.weight.data == 0).all(axis=0).sum() == 16


@pytest.mark.parametrize("ratio, units", [(0, 32), (0.3, 23), (0.5, 16), (1, 1)])
def test_removed_columns_change_the_bytes_and_not_the_scores(model, ratio, units):
    before = scores(structured_prune(model, ratio))
    assert remove_zero_columns(model) is model
    assert np.allclose(scores(model), before, atol=1e-4)
    assert [p.data.shape for p in model.parameters()] == [(64, units), (units,), (units, 10), (10,)]
    assert stored_bytes(model) == 4 * (64 * units + units + units * 10 + 10)
    assert Profiler().count_flops(model, (64,)) == units * (2 * 64 + 1) + units + 10 * (2 * units + 1)


def test_a_unit_that_still_speaks_is_not_removed():
    for between, kept in ((Sigmoid(), 5), (Softmax(), 5), (Tanh(), 4)):
        model = Sequential(Linear(3, 5), between, Linear(5, 2))
        model.layers[0].weight.data[:, 2] = 0
        before = scores(model, np.eye(3))
        remove_zero_columns(model)
        assert model.layers[0].weight.shape == (3, kept) and np.allclose(scores(model, np.eye(3)), before, atol=1e-6)
    model = SimpleMLP()
    model.fc1.weight.data[:, 2], model.fc1.bias.data[2] = 0, 1
    assert remove_zero_columns(model).fc1.weight.shape == (10, 20), "its bias is not zero"


def test_a_model_that_gives_fewer_results_without_its_columns_keeps_them():
    class Several(Sequential):
        def forward(self, x): return [super(Several, self).forward(x)] * self.layers[0].weight.shape[1]
    model = Several(Linear(3, 5), ReLU(), Linear(5, 2))
    model.layers[0].weight.data[:, 2] = 0
    with pytest.raises(ValueError, match="remove_zero_columns: Several fails .* nothing was removed"):
        remove_zero_columns(model)
    assert model.layers[0].weight.shape == (3, 5)


def test_removal_leaves_no_trace_of_the_old_shape():
    model = sequential(4, 6, 2)
    model(Tensor(np.ones((3, 4)))).sum().backward()
    assert model.layers[0].weight.grad is not None
    remove_zero_columns(structured_prune(model, 0.5))
    assert repr(model) == "Sequential(Linear(4, 3), ReLU(), Linear(3, 2))"
    assert all(p.grad is None or p.grad.shape == p.shape for p in model.parameters())


def test_a_layer_used_twice_keeps_its_columns():
    layer = Linear(5, 5)
    layer.weight.data[:, 2] = 0
    model = Sequential(layer, ReLU(), layer, ReLU(), Linear(5, 2))
    before = scores(model, np.eye(5))
    assert np.array_equal(scores(remove_zero_columns(model), np.eye(5)), before) and layer.weight.shape == (5, 5)


def test_pruned_weights_stay_zero_when_quantized(model):
    magnitude_prune(model, 0.5)
    quantize_model(model)
    assert measure_sparsity(model) >= 50


def trained(model, epochs, decay=0.5, masked=False):
    "AdamW whose rate falls to zero; `masked`: what is zero stays zero."
    optimizer, rng, kept = (AdamW(model.parameters(), lr=0.005, weight_decay=decay), np.random.default_rng(0),
                            [p.data != 0 for p in model.parameters()])
    batches = np.array_split(np.concatenate([rng.permutation(len(X_TRAIN)) for _ in range(epochs)]), 45 * epochs)
    for step, batch in enumerate(batches):
        optimizer.lr = 0.005 * (1 - step / len(batches))
        optimizer.zero_grad()
        CrossEntropyLoss()(model(Tensor(X_TRAIN[batch].reshape(-1, 1, 8, 8))), Y_TRAIN[batch]).backward()
        optimizer.step()
        for p, keep in zip(model.parameters(), kept): p.data = p.data * keep if masked else p.data
    return model.eval()


@pytest.fixture(scope="module")
def trained_cnn():
    np.random.seed(0)
    return trained(SimpleCNN(), 12)


def seen(model): return float(np.mean(scores(model, X_TEST.reshape(-1, 1, 8, 8)).argmax(axis=1) == Y_TEST))


def test_a_cnn_keeps_its_accuracy(trained_cnn):
    before, images = seen(trained_cnn), X_TRAIN[:200].reshape(-1, 1, 8, 8)
    assert before >= 0.95
    assert seen(quantize_model(copy.deepcopy(trained_cnn), images)) >= before - 0.01
    half = trained(magnitude_prune(copy.deepcopy(trained_cnn), 0.5), 3, masked=True)
    assert measure_sparsity(half) >= 50 and seen(half) >= before - 0.02
    smaller = remove_zero_columns(structured_prune(copy.deepcopy(trained_cnn), 0.5))
    assert seen(trained(smaller, 6)) >= before - 0.02 and stored_bytes(smaller) < 0.36 * stored_bytes(trained_cnn)


def test_filters_of_smallest_norm_go_and_channels_with_them(trained_cnn):
    model, images = copy.deepcopy(trained_cnn), X_TEST[:30].reshape(-1, 1, 8, 8)
    first, second, head = (model.layers[i] for i in (0, 3, 7))
    kept = [np.sort(np.argsort(np.linalg.norm(p.weight.data.reshape(len(p.weight.data), -1),
                                              axis=1))[len(p.weight.data) // 2:]) for p in (first, second)]
    want = [first.weight.data[kept[0]], second.weight.data[kept[1]][:, kept[0]],
            head.weight.data.reshape(32, 4, 10)[kept[1]].reshape(64, 10)]
    assert structured_prune(model, 0.5) is model and np.array_equal(head.weight.data, trained_cnn.layers[7].weight.data)
    before = scores(model, images)
    assert measure_sparsity(model) == 100 * (8 * 9 + 16 * 144) / (16 * 9 + 32 * 144 + 1280)
    assert remove_zero_columns(model) is model
    assert all(np.array_equal(layer.weight.data, w) for layer, w in zip((first, second, head), want))
    np.testing.assert_allclose(scores(model, images), before, atol=1e-4)
    assert ((first.out_channels, second.in_channels, second.out_channels, head.in_features, head.out_features)
            == (8, 8, 16, 64, 10))
    assert Profiler().count_flops(model, (1, 1, 8, 8)) < CNN_FLOPS / 2.9


def normed():
    return Sequential(Conv2d(1, 6, 3, bias=False), BatchNorm2d(6), GELU(), AvgPool2d(2), Conv2d(6, 4, 2), ReLU(),
                      Flatten(), Linear(16, 3))


def test_batch_normalization_goes_with_its_channel():
    model, images = normed(), X_TEST[:40].reshape(-1, 1, 8, 8)
    model(Tensor(images))
    for p in model.layers[1].parameters(): p.data = np.random.default_rng(0).normal(size=6).astype(np.float32)
    structured_prune(model.eval(), 0.5)
    before = scores(model, images)
    remove_zero_columns(model)
    assert [p.shape for p in model.parameters()] == [(3, 1, 3, 3), (3,), (3,), (2, 3, 2, 2), (2,), (8, 3), (3,)]
    norm = model.layers[1]
    assert norm.num_features == 3 and norm.running_mean.shape == norm.running_var.shape == (3,)
    np.testing.assert_allclose(scores(model, images), before, atol=1e-5)


def test_a_channel_that_batch_normalization_shifts_still_speaks():
    model, images = normed(), X_TEST[:40].reshape(-1, 1, 8, 8)
    model(Tensor(images))
    model.eval().layers[1].beta.data[:] = 1
    model.layers[0].weight.data[2] = 0
    before = scores(model, images)
    remove_zero_columns(model)
    assert model.layers[0].weight.shape == (6, 1, 3, 3) and np.array_equal(scores(model, images), before)


@pytest.mark.parametrize("flow, spared", [(lambda m, x: m.head(
    m.fc(x)), False), (lambda m, x: m.head(m.fc(x) + 1) * 2, False), (lambda m, x: (m.head(h := m.fc(x)), h), True),
                                          (lambda m, x: m.head(m.fc(x)) + m.fc(x).mean(), True)])
def test_the_output_layer_is_the_one_that_the_output_comes_from(flow, spared):
    model = Odd(flow)
    if spared:
        with pytest.raises(ValueError, match="before the output layer"): structured_prune(model)
    else: structured_prune(model)
    assert (model.fc.weight.data == 0).all(axis=0).sum() == (0 if spared else 3) and model.head.weight.data.all()


class Odd:
    "Layers as attributes, no list of them, and a `forward` as given."
    def __init__(self, flow, units=6): self.head, self.fc, self.flow = Linear(units, 3), Linear(4, units), flow
    def forward(self, x): return self.flow(self, x)
    def parameters(self): return [*self.head.parameters(), *self.fc.parameters()]
    def __repr__(self): return "Odd()"


ODD = Tensor(np.random.default_rng(5).normal(size=(7, 4)))


@pytest.mark.parametrize("flow, units", [
    (lambda m, x: m.head(ReLU()(m.fc(x))), 3), (lambda m, x: m.head(m.fc(x).reshape(len(x), m.fc.out_features)), 3),
    (lambda m, x: m.head(m.fc(x) + 1), 6), (lambda m, x: m.head(m.fc(x)) + m.fc(x).mean(), 6),
    (lambda m, x: (m.head(h := m.fc(x)), h), 6),
    (lambda m, x: m.head(Sigmoid()(m.fc(x))), 6),
    (lambda m, x: m.head(m.fc(x).reshape(2, len(x) // 2, m.fc.out_features)), 6),
    (lambda m, x: m.head(m.head(ReLU()(m.fc(x))) @ m.head.weight.transpose()), 6)])
def test_columns_are_removed_along_the_data_and_not_along_a_list(flow, units):
    model, x = Odd(flow), ODD[:6]
    model.fc.weight.data[:, [0, 3, 4]] = 0
    before = model.forward(x)
    assert remove_zero_columns(model, x) is model and model.fc.weight.shape == (4, units)
    for a, b in zip(*(y if isinstance(y, tuple) else (y,) for y in (model.forward(x), before)), strict=True):
        np.testing.assert_allclose(a.data, b.data, atol=1e-5)


@pytest.mark.parametrize("flow", [
    lambda m, x: m.head(ReLU()(m.fc(x)).reshape(-1, 6)), lambda m, x: m.head(m.fc(x)) * m.fc.weight.data.shape[1],
    lambda m, x: m.head(m.fc(x)) + Tensor((x.data @ m.fc.weight.data)[:, 5:])])
def test_a_model_that_counts_on_its_columns_is_left_alone(flow):
    model = structured_prune(Odd(flow), 0.5)
    before, arrays = model.forward(ODD).data, [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match="Odd (fails|gives other).* nothing was removed"): remove_zero_columns(model)
    assert (all(p.data is a for p, a in zip(model.parameters(), arrays))
            and np.array_equal(model.forward(ODD).data, before))


def test_a_model_that_takes_no_guess_asks_for_a_sample():
    model = Odd(lambda m, x: m.head(m.fc(x.reshape(7, 5, 4))))
    for prune in (structured_prune, remove_zero_columns):
        with pytest.raises(ValueError, match=r"found no input that Odd\(\) takes; pass a sample: x="): prune(model)
    assert model.fc.weight.data.all()
    x = np.ones((35, 4))
    assert remove_zero_columns(structured_prune(model, 0.5, x=x), x=x).fc.weight.shape == (4, 3)


def test_pruning_leaves_modes_and_gradients_alone():
    model = Sequential(Linear(4, 6), Dropout(0.5), Linear(6, 2))
    remove_zero_columns(structured_prune(model, 0.5))
    assert model.layers[1].training and model.layers[0].weight.requires_grad and model.layers[0].weight.shape == (4, 3)


def test_a_residual_block_keeps_what_flows_around_it():
    class Residual(Layer):
        def __init__(self):
            self.a, self.b, self.head = Conv2d(1, 4, 3, padding=1), Conv2d(4, 4, 3, padding=1), Linear(4, 2)
        def forward(self, x):
            x = ReLU()(self.a(x))
            x = x + ReLU()(self.b(x))
            return self.head(x.mean(axis=(2, 3)))
        def parameters(self): return [p for layer in (self.a, self.b, self.head) for p in layer.parameters()]
    model, images = structured_prune(Residual(), 0.5), X_TEST[:3].reshape(-1, 1, 8, 8)
    before = scores(model, images)
    remove_zero_columns(model)
    assert np.array_equal(scores(model, images), before) and model.a.weight.shape == (4, 1, 3, 3)


def test_compressor_is_another_name():
    assert (Compressor.magnitude_prune is magnitude_prune and Compressor().structured_prune is structured_prune
            and Compressor.measure_sparsity is measure_sparsity)


def test_an_output_layer_that_stands_earlier_too_is_spared():
    tied, hidden, alias = Linear(4, 4), Linear(4, 4), Linear(4, 4)
    alias.weight = tied.weight
    before = tied.weight.data.copy()
    structured_prune(Sequential(tied, ReLU(), hidden, ReLU(), alias, ReLU(), tied), 0.5)
    assert np.array_equal(tied.weight.data, before) and (hidden.weight.data == 0).all(axis=0).sum() == 2
    with pytest.raises(ValueError, match="before the output layer"):
        structured_prune(Sequential(tied, ReLU(), tied))


@pytest.mark.parametrize("prune", [magnitude_prune, structured_prune, lambda model, _: remove_zero_columns(model)])
def test_codes_are_not_pruned(prune):
    with pytest.raises(ValueError, match="prune before you quantize"):
        prune(quantize_model(SimpleMLP()), 0.5)


@pytest.mark.parametrize("wrong", [-0.01, 1.01, math.nan, math.inf, "half", None, True])
@pytest.mark.parametrize("prune", [magnitude_prune, structured_prune])
def test_ratios_outside_0_and_1_are_refused(prune, wrong):
    model = SimpleMLP()
    before = scores(model, np.ones((1, 10)))
    with pytest.raises(ValueError, match=r"expected a number in \[0, 1\]"):
        prune(model, wrong)
    assert np.array_equal(scores(model, np.ones((1, 10))), before)


def test_nothing_to_prune_is_said():
    for call in (measure_sparsity, magnitude_prune, structured_prune):
        with pytest.raises(ValueError, match="found no weights"):
            call(Sequential(ReLU()))
    with pytest.raises(ValueError, match="before the output layer"):
        structured_prune(Sequential(Linear(3, 3), ReLU()))


def test_gradient_of_a_quantized_convolution_on_an_image_that_is_no_square():
    np.random.seed(0)
    layer = QuantizedConv2d(Conv2d(2, 3, (3, 2)))
    x = Tensor(np.random.default_rng(1).normal(size=(2, 2, 7, 4)), requires_grad=True)
    weights = np.random.default_rng(2).normal(size=(2, 3, 5, 3)).astype(np.float32)
    (layer.forward(x) * weights).sum().backward()
    filters, want = layer.codes * float(layer.scale), np.zeros(x.shape)
    for b, o, i, j in np.ndindex(weights.shape): want[b, :, i:i + 3, j:j + 2] += weights[b, o, i, j] * filters[o]
    assert np.allclose(x.grad, want, atol=1e-4)
