"""Gradients: every operation and loss against float64 finite differences, on any shapes,
and against PyTorch where it is installed."""
import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from tinytorch.core.activations import GELU, ReLU, Sigmoid, Softmax, Tanh
from tinytorch.core.attention import MultiHeadAttention, scaled_dot_product_attention
from tinytorch.core.autograd import backward, enable_autograd, gradients, is_grad_enabled, no_grad
from tinytorch.core.embeddings import Embedding, PositionalEncoding
from tinytorch.core.layers import Dropout, Linear, Sequential
from tinytorch.core.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, MSELoss
from tinytorch.core.optimizers import SGD, Adam, AdamW
from tinytorch.core.spatial import AvgPool2d, BatchNorm2d, Conv2d, Flatten, MaxPool2d
from tinytorch.core.tensor import Tensor
from tinytorch.core.transformers import GPT, LayerNorm, TransformerBlock, create_causal_mask
from tinytorch.olympics import SimpleMLP
from tinytorch.perf.quantization import QuantizedConv2d, QuantizedLinear

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True, database=None,
                    suppress_health_check=list(HealthCheck))


def leaf(array):
    "A Tensor that holds `array` itself in float64 and wants its gradient."
    tensor = Tensor(0, requires_grad=True)
    tensor.data = np.asarray(array, dtype=np.float64)
    return tensor


def numeric(f, x, h=1e-5):
    "Central differences of the number f() for each number of the array `x`."
    slope = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + h
        above = f()
        x[i] = value - h
        slope[i], x[i] = (above - f()) / (2 * h), value
    return slope


def check(f, *arrays, tolerance=1e-6):
    """The gradients of `f` at float64 `arrays` agree with finite differences; also their shape,
    their type, and float32's."""
    tensors = [leaf(a) for a in arrays]
    out = f(*tensors)
    weights = np.random.default_rng(7).normal(size=out.shape)
    out.backward(weights)
    small = [Tensor(a, requires_grad=True) for a in arrays]
    f(*small).backward(weights)
    for t, s in zip(tensors, small):
        want = numeric(lambda: float((f(*tensors).data * weights).sum()), t.data)
        assert type(t.grad) is np.ndarray and t.grad.shape == t.shape
        np.testing.assert_allclose(t.grad, want, rtol=tolerance, atol=tolerance * max(1, abs(want).max(initial=0)))
        assert s.data.dtype == s.grad.dtype == np.float32
        np.testing.assert_allclose(s.grad, want, rtol=2e-3, atol=2e-3 * max(1, abs(want).max(initial=0)))


def uniform(*shape, low=0.5, high=2.0, seed=0):
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape)


def linear(x, weight, *bias):
    layer = Linear(1, 1, bias=bool(bias))
    layer.weight, layer.bias = weight, bias[0] if bias else None
    return layer(x)


def convolution(stride=1, padding=0):
    def f(x, weight, *bias):
        layer = Conv2d(1, 1, weight.shape[2:], stride, padding, bias=bool(bias))
        layer.weight, layer.bias = weight, bias[0] if bias else None
        return layer(x)
    return f


def batch_norm(training):
    def f(x, gamma, beta):
        layer = BatchNorm2d(x.shape[1]).train(training)
        layer.gamma, layer.beta, layer.running_mean, layer.running_var = (gamma, beta, np.array([0.5, 1]),
                                                                          np.array([2.0, 3]))
        return layer(x)
    return f


def quantized(layer, coded):
    "A function of x, and of the bias, whose codes stay."
    layer.weight.data = uniform(*layer.weight.shape, **CENTRED)
    fixed = coded(layer)

    def f(x, bias):
        fixed.bias = bias
        return fixed(x)
    return f


def dropout(x):
    np.random.seed(3)
    return Dropout(0.4)(x)


def network(x, W1, b1, W2, b2):
    model = SimpleMLP(3, 4, 2)
    for layer, weight, bias in ((model.fc1, W1, b1), (model.fc2, W2, b2)): layer.weight, layer.bias = weight, bias
    return CrossEntropyLoss()(model(x), [0, 1, 1])


def embedding(weight):
    layer = Embedding(1, 1)
    layer.weight = weight
    return layer([[2, 0, 2], [2, 1, 0]])


def positions(x, weight):
    layer = PositionalEncoding(1, 1)
    layer.weight = weight
    return layer(x, start=1)


def multi_head(mask):
    "Two heads whose four weights are W, W twice, W squared and W, with biases b."
    def forward(x, W, b):
        layer = MultiHeadAttention(4, 2)
        for proj, weight in ((layer.q_proj, W), (layer.k_proj, W * 2), (layer.v_proj, W * W), (layer.out_proj, W)):
            proj.weight, proj.bias = weight, b
        return layer(x, mask)
    return forward


def layer_norm(x, gamma, beta):
    layer = LayerNorm(gamma.shape)
    layer.gamma, layer.beta = gamma, beta
    return layer(x)


def filled(block, W, b):
    "`block`, 4 numbers wide, with every weight cut from W (4, 16) and every bias from b (16,)."
    for proj in (block.attention.q_proj, block.attention.k_proj, block.attention.v_proj, block.attention.out_proj):
        proj.weight, proj.bias = W[:, :4], b[:4]
    block.mlp.linear1.weight, block.mlp.linear1.bias, block.mlp.linear2.weight, block.mlp.linear2.bias = (
        W, b, W.transpose(), b[4:8])
    return block


def transformer_block(x, W, b): return filled(TransformerBlock(4, 2), W, b)(x, create_causal_mask(3))


def gpt(table, W, b):
    "A GPT of 5 tokens and two equal blocks, with one table for tokens, positions and scores."
    model = GPT(5, 4, 2, 2, max_seq_len=5)
    for block in model.blocks: filled(block, W, b)
    model.token_embedding.weight, model.position_embedding.weight, model.lm_head.weight = (table, table * 0.5,
                                                                                           table.transpose())
    return model([[4, 0, 4], [1, 1, 2]])


# the first row of BLIND may look nowhere
CAUSAL, BLIND = np.tril(np.ones((3, 3))), np.array([[0, 0, 0], [0, 1, 0], [1, 0, 1]])
CENTRED = dict(low=-1.5, high=1.5)
CASES = {
    "add": (lambda a, b: a + b, uniform(2, 3), uniform(3)),
    "add number": (lambda a: 2 + a + 1, uniform(2, 3)),
    "sub": (lambda a, b: a - b, uniform(2, 1), uniform(2, 3)),
    "sub reflected": (lambda a: np.ones(3) - a, uniform(2, 3)),
    "neg": (lambda a: -a, uniform(3)),
    "mul": (lambda a, b: a * b, uniform(4, 1, 3), uniform(2, 1)),
    "mul itself": (lambda a: a * a * a, uniform(3)),
    "truediv": (lambda a, b: a / b, uniform(2, 3), uniform(3)),
    "truediv reflected": (lambda a: 3 / a, uniform(2, 3)),
    "pow": (lambda a, b: a**b, uniform(2, 3), uniform(3)),
    "pow number": (lambda a: a**3 + a**-1 + a**0.5 + a**0, uniform(5)),
    "pow negative base": (lambda a: a**3, uniform(4, **CENTRED)),
    "pow reflected": (lambda a: 2**a, uniform(2, 3)),
    "matmul": (lambda a, b: a @ b, uniform(2, 3), uniform(3, 4)),
    "matmul batched": (lambda a, b: a.matmul(b), uniform(2, 1, 3, 4), uniform(5, 4, 2)),
    "matmul vector matrix": (lambda a, b: a @ b, uniform(4), uniform(4, 2)),
    "matmul vector batch": (lambda a, b: a @ b, uniform(4), uniform(3, 4, 2)),
    "matmul batch vector": (lambda a, b: a @ b, uniform(3, 2, 4), uniform(4)),
    "matmul dot": (lambda a, b: a @ b, uniform(4), uniform(4)),
    "matmul reflected": (lambda b: np.ones((2, 3)) @ b, uniform(3, 4)),
    "slice": (lambda a: a[1:, ::-2], uniform(3, 5)),
    "one number": (lambda a: a[0, 1] * a[1, 1], uniform(2, 3)),
    "selection": (lambda a: a[[0, 2, 0]] * [[1.0], [2], [4]], uniform(3, 2)),
    "mask": (lambda a: a[np.array([True, False, True])], uniform(3, 2)),
    "reshape": (lambda a: a.reshape(3, -1) ** 2, uniform(2, 6)),
    "view and contiguous": (lambda a: a.view(3, -1).transpose().contiguous() ** 2, uniform(2, 6)),
    "masked_fill": (lambda a: a.masked_fill(np.eye(2, 3), 2) * a, uniform(2, 3)),
    "masked_fill broadcast": (lambda a: a.masked_fill(Tensor(np.eye(3)), -1.5) ** 2, uniform(2, 1, 3)),
    "transpose": (lambda a: a.transpose() @ a, uniform(3, 2)),
    "transpose axes": (lambda a: a.transpose(0, 2) ** 2, uniform(2, 3, 4)),
    "transpose vector": (lambda a: a.transpose() ** 2, uniform(3)),
    "sum": (lambda a: a.sum() * a, uniform(2, 3)),
    "sum axis": (lambda a: a.sum(axis=1) ** 2, uniform(2, 3, 2)),
    "sum axes": (lambda a: a.sum(axis=(0, -1)) ** 2, uniform(2, 3, 2)),
    "sum keepdims": (lambda a: a / a.sum(axis=-1, keepdims=True), uniform(2, 3)),
    "mean": (lambda a: a.mean() * a, uniform(2, 3)),
    "mean axis": (lambda a: a.mean(axis=0) ** 2, uniform(4, 3)),
    "mean keepdims": (lambda a: a - a.mean(axis=(0, 1), keepdims=True), uniform(2, 3, 2)),
    "max": (lambda a: a.max() * a, uniform(2, 3)),
    "max axis": (lambda a: a.max(axis=1) ** 2, uniform(3, 4)),
    "max keepdims": (lambda a: a - a.max(axis=(0, 2), keepdims=True), uniform(2, 3, 2)),
    "relu": (ReLU(), uniform(3, 4, **CENTRED)),
    "sigmoid": (Sigmoid(), uniform(3, 4, low=-6, high=6)),
    "tanh": (Tanh(), uniform(3, 4, **CENTRED)),
    "gelu": (GELU(), uniform(3, 4, low=-3, high=3)),
    "softmax": (Softmax(), uniform(3, 4, **CENTRED)),
    "softmax axis": (lambda a: Softmax()(a, axis=1), uniform(2, 3, 2, **CENTRED)),
    "linear": (linear, uniform(5, 3), uniform(3, 2), uniform(2)),
    "linear vector": (linear, uniform(3), uniform(3, 2), uniform(2)),
    "linear batch": (linear, uniform(2, 4, 3), uniform(3, 2), uniform(2)),
    "linear without bias": (linear, uniform(5, 3), uniform(3, 2)),
    "dropout": (dropout, uniform(4, 3)),
    "conv2d": (convolution(), uniform(2, 3, 4, 5), uniform(2, 3, 3, 2, **CENTRED), uniform(2)),
    "conv2d stride padding": (convolution((2, 1), (1, 2)), uniform(1, 2, 5, 3), uniform(3, 2, 2, 3, **CENTRED),
                              uniform(3)),
    "conv2d without bias": (convolution(3), uniform(2, 1, 7, 4), uniform(2, 1, 3, 3, **CENTRED)),
    "max_pool2d": (MaxPool2d(2), uniform(2, 2, 5, 4)),
    "max_pool2d overlapping": (MaxPool2d(3, 2, 1), uniform(2, 1, 5, 6, **CENTRED)),
    "avg_pool2d": (AvgPool2d((2, 3)), uniform(1, 2, 4, 6)),
    "avg_pool2d overlapping": (AvgPool2d(3, 1, 1), uniform(2, 1, 4, 3)),
    "batch_norm": (batch_norm(True), uniform(3, 2, 2, 3), uniform(2), uniform(2)),
    "batch_norm evaluation": (batch_norm(False), uniform(3, 2, 2, 3), uniform(2), uniform(2)),
    "embedding": (embedding, uniform(4, 3)),
    "positions": (positions, uniform(2, 3, 4), uniform(5, 4)),
    "attention": (lambda q, k, v: scaled_dot_product_attention(q, k, v)[0], uniform(2, 3, 4, **CENTRED),
                  uniform(2, 5, 4, **CENTRED), uniform(2, 5, 2)),
    "attention causal": (lambda q, k, v: scaled_dot_product_attention(q, k, v, CAUSAL)[0],
                         *(uniform(2, 3, 4, seed=i, **CENTRED) for i in range(3))),
    "attention blind": (lambda q, k, v: scaled_dot_product_attention(q, k, v, BLIND)[0],
                        *(uniform(3, 4, seed=i, **CENTRED) for i in range(3))),
    "attention weights": (lambda q, k: scaled_dot_product_attention(q, k, k, CAUSAL)[1], uniform(3, 4, **CENTRED),
                          uniform(2, 3, 4, **CENTRED)),
    "attention of one batch": (lambda q, k, v: scaled_dot_product_attention(q, k, v)[0], uniform(2, 1, 3, 2),
                               uniform(5, 3, 2), uniform(3, 2)),
    "multi-head": (multi_head(None), uniform(2, 3, 4, **CENTRED), uniform(4, 4, **CENTRED), uniform(4)),
    "layer norm": (layer_norm, uniform(2, 3, 4, **CENTRED), uniform(4), uniform(4)),
    "layer norm of matrices": (layer_norm, uniform(2, 3, 4, **CENTRED), uniform(3, 4), uniform(3, 4)),
    "Transformer block": (transformer_block, uniform(2, 3, 4, **CENTRED), uniform(4, 16, low=-0.5, high=0.5),
                          uniform(16, low=0, high=0.5)),
    "GPT": (gpt, uniform(5, 4, **CENTRED), uniform(4, 16, **CENTRED), uniform(16)),
    "multi-head causal": (multi_head(CAUSAL), uniform(3, 4, **CENTRED), uniform(4, 4, **CENTRED), uniform(4)),
    "quantized_linear": (quantized(Linear(3, 2), QuantizedLinear), uniform(2, 4, 3), uniform(2)),
    "quantized_conv2d": (quantized(Conv2d(2, 3, (2, 3), (2, 1), (1, 0)), QuantizedConv2d), uniform(2, 2, 3, 5),
                         uniform(3)),
    "flatten": (lambda a: Flatten()(a) ** 2, uniform(2, 2, 3)),
    "network": (network, uniform(3, 3), uniform(3, 4, **CENTRED), uniform(4), uniform(4, 2, **CENTRED), uniform(2)),
    "cross-entropy": (lambda z: CrossEntropyLoss()(z, [2, 0, 3]), uniform(3, 4, **CENTRED)),
    "cross-entropy, one class": (lambda z: CrossEntropyLoss()(z, [0, 0]), uniform(2, 1)),
    "squared error": (MSELoss(), uniform(3, 2), uniform(3, 2, seed=1)),
    "binary cross-entropy": (lambda p: BinaryCrossEntropyLoss()(p, [0, 1, 0.25]), uniform(3, low=0.1, high=0.9)),
}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_finite_differences(name):
    check(*CASES[name])


def test_every_operation_is_checked_above():
    seen = set()
    for f, *arrays in CASES.values():
        stack = [f(*map(leaf, arrays))]
        while stack:
            node = stack.pop().node
            if node:
                seen.add(node[0])
                stack.extend(node[1])
    assert seen == set(gradients)


@pytest.mark.parametrize("name", [name for name in CASES if "cross" not in name and name != "network"])
def test_noncontiguous_arrays(name):
    f, *arrays = CASES[name]
    strided = [np.repeat(a, 2, axis=-1)[..., ::2] for a in arrays]
    assert not any(leaf(a).data.flags.c_contiguous for a in strided)
    check(f, *strided)
    check(f, *map(np.asfortranarray, arrays))


@PROPERTY
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0),
       op=st.sampled_from(["__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__rsub__", "__rtruediv__"]))
def test_broadcasting_of_any_shapes(shapes, op):
    a, b = (uniform(*shape, seed=k) for k, shape in enumerate(shapes.input_shapes))
    check(lambda x, y: getattr(x, op)(y), a, b)


@PROPERTY
@given(shapes=hnp.mutually_broadcastable_shapes(signature="(n?,k),(k,m?)->(n?,m?)", max_dims=3, max_side=3))
def test_matmul_of_any_shapes(shapes):
    a, b = (uniform(*shape, seed=k) for k, shape in enumerate(shapes.input_shapes))
    assert (leaf(a) @ leaf(b)).shape == (a @ b).shape
    check(lambda x, y: x @ y, a, b)


@PROPERTY
@given(data=st.data(), op=st.sampled_from(["sum", "mean", "max"]), keepdims=st.booleans())
def test_reductions_over_any_axes(data, op, keepdims):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=3))
    axis = data.draw(st.none() | hnp.valid_tuple_axes(len(shape), min_size=1))
    x = np.random.default_rng(len(shape)).permutation(int(np.prod(shape))).reshape(shape) / 3 + 1  # no ties
    assert np.array_equal(getattr(leaf(x), op)(axis, keepdims).data, getattr(x, op)(axis=axis, keepdims=keepdims))
    check(lambda t: getattr(t, op)(axis=axis, keepdims=keepdims), x)


@PROPERTY
@given(data=st.data())
def test_any_basic_index(data):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    key = data.draw(hnp.basic_indices(shape, allow_ellipsis=True, allow_newaxis=True))
    check(lambda t: t[key] * 2, uniform(*shape))


@PROPERTY
@given(shape=hnp.array_shapes(max_dims=3, max_side=3),
       name=st.sampled_from(["relu", "sigmoid", "tanh", "gelu", "softmax"]))
def test_activations_of_any_shape(shape, name):
    check(CASES[name][0], uniform(*shape, **CENTRED))


@pytest.mark.parametrize("f",
                         [lambda a: a + a, lambda a: a * 2, lambda a: 2 / (a + 1), lambda a: a**2, lambda a: a.sum(),
                          lambda a: a.reshape(-1, 1), ReLU(), GELU(), Sigmoid(), lambda a: a @ np.zeros((3, 2)),
                          lambda a: Linear(3, 2)(a), lambda a: a[:, :1], lambda a: a.transpose()])
@pytest.mark.parametrize("shape", [(0, 3), (1, 3)])
def test_empty_and_one_sample(f, shape):
    x = Tensor(np.zeros(shape), requires_grad=True)
    out = f(x)
    out.backward(np.ones(out.shape))
    assert x.grad.shape == shape and np.isfinite(x.grad).all()


def test_integer_input_is_differentiated_as_float32():
    x = Tensor(np.arange(1, 4), requires_grad=True)
    (x**2 / 2).sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [1, 2, 3]


# the walk

def test_accumulates_and_does_not_share():
    a, b = Tensor([1, 2], requires_grad=True), Tensor([3, 4], requires_grad=True)
    (a + b).sum().backward()
    first = a.grad
    assert not np.shares_memory(a.grad, b.grad)
    (2 * a).sum().backward()
    assert a.grad.tolist() == [3, 3] and first.tolist() == [1, 1] and b.grad.tolist() == [1, 1]
    a.grad *= 5  # what a user does to a gradient stays there
    assert b.grad.tolist() == [1, 1]


def test_a_gradient_is_an_array_of_its_own():
    x, given = Tensor([1, 2], requires_grad=True), np.ones(2, np.float32)
    a, b = x * 1, x * 2
    total = a + b
    total.backward(given)
    for one in (total, a, b):
        one.grad *= 5  # writable, and nobody else's
    assert (given.tolist() == [1, 1] and x.grad.tolist() == [3, 3]
            and total.grad.tolist() == a.grad.tolist() == b.grad.tolist() == [5, 5])
    spread = x * 1
    spread.sum().backward()
    spread.grad += 1
    assert spread.grad.tolist() == [2, 2]


def test_data_rebound_to_whole_numbers_has_gradients_in_float32():
    x = Tensor([0, 0], requires_grad=True)
    x.data = np.array([1, 3])
    (x * 0.25).sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [0.25, 0.25]
    x.grad = None
    x.backward([0.5, 1.5])
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [0.5, 1.5]


def test_gradient_of_a_scalar_is_an_array():
    x = Tensor(2, requires_grad=True)
    y = x * x + x
    y.backward()
    assert type(x.grad) is np.ndarray and type(y.grad) is np.ndarray and x.grad == 5
    y.backward()
    assert type(x.grad) is np.ndarray and x.grad == 10


def test_shared_parts_are_walked_once():
    x = Tensor(1, requires_grad=True)
    y = x
    for _ in range(64): y = y + y  # 2**64 paths, 64 nodes
    y.backward()
    assert x.grad == 2.0**64


def test_a_long_chain_needs_no_recursion():
    x = y = Tensor(1, requires_grad=True)
    for _ in range(20_000): y = y + 1
    y.backward()
    assert x.grad == 1


def test_only_what_wants_a_gradient_gets_one():
    a, b = Tensor([1, 2], requires_grad=True), Tensor([3, 4])
    (a * b).sum().backward()
    assert a.grad.tolist() == [3, 4] and b.grad is None
    assert (b * b).node is None and not (b * b).requires_grad


def test_replacing_data_between_forward_and_backward_changes_nothing():
    w, x = Tensor([[2]], requires_grad=True), Tensor([[3]], requires_grad=True)
    out = x @ w
    w.data = w.data - 100
    out.backward()
    assert x.grad == 2 and w.grad == 3


def test_gradient_argument():
    x = Tensor([1, 2], requires_grad=True)
    for gradient in (np.array([1, 10]), [1, 10], Tensor([1, 10])):
        x.grad = None
        (x * 3).backward(gradient)
        assert x.grad.tolist() == [3, 30]
    x.grad = None
    backward(x[:1] * 3)  # one number needs none
    assert x.grad.tolist() == [3, 0]


@pytest.mark.parametrize("start, gradient, words",
                         [(lambda x: x * 2, None, ["(2,)", "mean()"]), (lambda x: x * 2, np.ones(3), ["(3,)", "(2,)"]),
                          (lambda x: Tensor([1.0]), None, ["requires_grad"])])
def test_backward_refuses(start, gradient, words):
    with pytest.raises(ValueError) as error: start(Tensor([1, 2], requires_grad=True)).backward(gradient)
    assert all(word in str(error.value) for word in words)


def test_no_grad_is_nested_restored_and_a_decorator():
    x = Tensor(1, requires_grad=True)
    with no_grad():
        assert not is_grad_enabled() and (x * 2).node is None
        with no_grad(): pass
        assert not is_grad_enabled()
    with pytest.raises(KeyError):
        with no_grad(): raise KeyError
    assert is_grad_enabled() and (x * 2).requires_grad
    assert no_grad()(lambda: is_grad_enabled())() is False
    assert enable_autograd() is None and is_grad_enabled()


def test_no_grad_is_of_one_thread():
    from threading import Thread

    seen = []
    with no_grad():
        thread = Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


# numbers at the edge

@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e4, 1e30])
def test_cross_entropy_of_small_and_large_logits(scale):
    z = Tensor(np.array([[3.0, -1, 2], [0, 1, -2]]) * scale, requires_grad=True)
    loss = CrossEntropyLoss()(z, [1, 1])
    loss.backward()
    wide = z.data.astype(np.float64)
    wide = wide - wide.max(axis=1, keepdims=True)
    log_p = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(loss.item(), -(log_p[0, 1] + log_p[1, 1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(z.grad, (np.exp(log_p) - [[0, 1, 0], [0, 1, 0]]) / 2, atol=1e-7)


@pytest.mark.filterwarnings("error")
def test_saturated_activations_stay_finite_without_a_warning():
    x = Tensor([-1e30, -100, 0, 100, 1e30], requires_grad=True)
    for f in (ReLU(), Sigmoid(), Tanh(), GELU(), Softmax()):
        x.grad = None
        f(x).backward(np.ones(5))
        assert np.isfinite(f(x).data).all() and np.isfinite(x.grad).all(), f
    x.grad = None
    GELU()(x).backward(np.ones(5))
    assert x.grad.tolist() == [0, 0, 0.5, 1, 1] and GELU()(x).data.tolist() == [0, 0, 0, 100, np.float32(1e30)]


def test_corners_of_a_power():
    a, b = Tensor([0, 0, 2], requires_grad=True), Tensor([0, 2, 0], requires_grad=True)
    (a**b).sum().backward()
    assert a.grad.tolist() == [0, 0, 0] and b.grad.tolist() == [0, 0, pytest.approx(np.log(2))]


def test_ties_of_a_maximum_share():
    x = Tensor([[1, 5, 5], [2, 2, 2]], requires_grad=True)
    x.max(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0, 0.5, 0.5], [1 / 3] * 3], rtol=1e-6)


# PyTorch, where it is installed

@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch, then run this file again")


def multi_head_in_torch(torch, mask):
    "The two heads of `multi_head`, by `torch.nn.functional.multi_head_attention_forward`."
    def forward(x, W, b):
        batch = x if x.ndim == 3 else x[None]
        weights, biases = torch.cat([W.T, 2 * W.T, (W * W).T]), torch.cat([b, b, b])
        out, _ = torch.nn.functional.multi_head_attention_forward(*[batch.transpose(0, 1)] * 3, 4, 2, weights,
                                                                  biases, None, None, False, 0.0, W.T, b, attn_mask=None
                                                                  if mask is None else torch.tensor(mask) == 0)
        return out.transpose(0, 1).reshape(x.shape)
    return forward


def block_in_torch(torch, x, W, b):
    "`transformer_block` in PyTorch's words: its encoder layer, which normalizes first."
    layer = torch.nn.TransformerEncoderLayer(4, 2, 16, 0.0, lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
                                             batch_first=True, norm_first=True, dtype=x.dtype)
    weights = {"self_attn.in_proj_weight": W[:, :4].T.repeat(3, 1), "self_attn.in_proj_bias": b[:4].repeat(3),
               "self_attn.out_proj.weight": W[:, :4].T, "self_attn.out_proj.bias": b[:4], "linear1.weight": W.T,
               "linear1.bias": b, "linear2.weight": W, "linear2.bias": b[4:8]}
    return torch.func.functional_call(layer, weights, (x, torch.tensor(CAUSAL) == 0))


def in_torch(torch):
    "The cases that PyTorch knows too, in its words."
    attend = torch.nn.functional.scaled_dot_product_attention
    F, two = torch.nn.functional, torch.tensor([2, 0, 3])
    return {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "truediv": torch.div, "pow": torch.pow,
        "pow reflected": lambda a: 2**a,
        "pow number": lambda a: a**3 + a**-1 + a**0.5 + a**0, "neg": torch.neg, "pow negative base": lambda a: a**3,
        **{name: torch.matmul for name in CASES if name.startswith("matmul") and "reflected" not in name},
        "selection": lambda a: a[[0, 2, 0]] * torch.tensor([[1.0], [2], [4]]),
        "mask": lambda a: a[torch.tensor([True, False, True])],
        "masked_fill": lambda a: a.masked_fill(torch.eye(2, 3) == 1, 2) * a,
        "masked_fill broadcast": lambda a: a.masked_fill(torch.eye(3) == 1, -1.5) ** 2,
        "view and contiguous": lambda a: a.view(3, -1).T.contiguous() ** 2, "reshape": lambda a: a.reshape(3, -1) ** 2,
        "transpose axes": lambda a: a.transpose(0, 2) ** 2, "transpose": lambda a: a.T @ a,
        "sum keepdims": lambda a: a / a.sum(-1, keepdim=True), "sum axes": lambda a: a.sum((0, -1)) ** 2,
        "mean axis": lambda a: a.mean(0) ** 2,
        "mean keepdims": lambda a: a - a.mean((0, 1), keepdim=True), "max": lambda a: a.amax() * a,
        "max axis": lambda a: a.amax(1) ** 2,
        "max keepdims": lambda a: a - a.amax((0, 2), keepdim=True), "relu": torch.relu, "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "gelu": lambda a: F.gelu(a, approximate="tanh"), "softmax": lambda a: a.softmax(-1),
        "softmax axis": lambda a: a.softmax(1),
        **{name: (lambda x, W, b=None: F.linear(x, W.T, b)) for name in CASES if name.startswith("linear")},
        "conv2d": F.conv2d, "conv2d stride padding": lambda x, W, b: F.conv2d(x, W, b, (2, 1), (1, 2)),
        "conv2d without bias": lambda x, W: F.conv2d(x, W, stride=3),
        "max_pool2d": lambda x: F.max_pool2d(x, 2), "max_pool2d overlapping": lambda x: F.max_pool2d(x, 3, 2, 1),
        "avg_pool2d": lambda x: F.avg_pool2d(x, (2, 3)),
        "avg_pool2d overlapping": lambda x: F.avg_pool2d(x, 3, 1, 1),
        "batch_norm": lambda x, W, b: F.batch_norm(x, None, None, W, b, True),
        "batch_norm evaluation": lambda x, W, b: F.batch_norm(x, torch.tensor([0.5, 1], dtype=x.dtype),
                                                              torch.tensor([2.0, 3], dtype=x.dtype), W, b),
        "embedding": lambda W: F.embedding(torch.tensor([[2, 0, 2], [2, 1, 0]]), W),
        "positions": lambda x, W: x + W[1:4], "attention": attend,
        "attention causal": lambda q, k, v: attend(q, k, v, is_causal=True),
        "attention blind": lambda q, k, v: attend(q, k, v, torch.tensor(BLIND) == 1),
        "attention of one batch": attend, "multi-head": multi_head_in_torch(torch, None),
        "multi-head causal": multi_head_in_torch(torch, CAUSAL),
        "layer norm": lambda x, W, b: F.layer_norm(x, W.shape, W, b),
        "layer norm of matrices": lambda x, W, b: F.layer_norm(x, W.shape, W, b),
        "Transformer block": lambda x, W, b: block_in_torch(torch, x, W, b),
        "cross-entropy": lambda z: F.cross_entropy(z, two), "squared error": F.mse_loss,
        "binary cross-entropy": lambda p: F.binary_cross_entropy(p, torch.tensor([0, 1, 0.25], dtype=p.dtype))}


EDGES = {
    "relu": [[-1, 0, 2]], "max axis": [[[1, 5, 5], [2, 2, 2]]], "pow": [[0, 0, 2, 3], [0, 2, 0, 1]],
    "sigmoid": [[-200, -20, 0, 20, 200]], "tanh": [[-50, 0, 50]],
    "max_pool2d": [np.full((1, 2, 2, 2), 3.0)], "softmax": [[[1e4, 0, -1e4], [0, 0, 0]]],
    "cross-entropy": [[[0, 900, 0, 0], [-900, 0, 0, 0], [1e8, 0, -1e8, 0]]],
    "binary cross-entropy": [[0, 0, 1]], "add": [np.zeros((0, 2)), np.zeros(2)]}


def same_as_torch(torch, f, twin, arrays, dtype, tolerance):
    ours, theirs = ([leaf(a) for a in arrays],
                    [torch.tensor(np.asarray(a), dtype=getattr(torch, dtype), requires_grad=True) for a in arrays])
    for t in ours: t.data = t.data.astype(dtype)
    out, want = f(*ours), twin(*theirs)
    np.testing.assert_allclose(out.data, want.detach().numpy(), rtol=tolerance, atol=tolerance)
    weights = np.random.default_rng(7).normal(size=out.shape).astype(dtype)
    out.backward(weights)
    want.backward(torch.tensor(weights))
    for t, w in zip(ours, theirs): np.testing.assert_allclose(t.grad, w.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-8), ("float32", 2e-5)])
def test_values_and_gradients_are_those_of_pytorch(torch, dtype, tolerance):
    twins = in_torch(torch)
    for name, twin in twins.items():
        f, *arrays = CASES[name]
        try:
            same_as_torch(torch, f, twin, arrays, dtype, tolerance)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
    assert len(twins) >= 35


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", EDGES)
def test_edges_are_those_of_pytorch(torch, name):
    # PyTorch keeps its epsilon as a float32
    same_as_torch(torch, CASES[name][0], in_torch(torch)[name], EDGES[name], "float64", 1e-8)


@pytest.mark.parametrize("ours, theirs, options",
                         [(SGD, "SGD", {"lr": 0.1}), (SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
                          (Adam, "Adam", {}), (Adam, "Adam", {"lr": 0.02, "weight_decay": 0.1}), (AdamW, "AdamW", {}),
                          (AdamW, "AdamW", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.3})])
def test_optimizers_walk_as_in_pytorch(torch, ours, theirs, options):
    start = uniform(4, 3, **CENTRED)
    p, q = leaf(start.copy()), torch.tensor(start, requires_grad=True)
    optimizer, twin = ours([p], **options), getattr(torch.optim, theirs)([q], **{"lr": 0.001, **options})
    for step in range(25):
        for each in (optimizer, twin): each.zero_grad()
        ((p - step / 8) ** 4).sum().backward()
        ((q - step / 8) ** 4).sum().backward()
        optimizer.step()
        twin.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9)


def test_a_training_is_that_of_pytorch(torch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(96, 8)), rng.integers(0, 3, 96)
    model = SimpleMLP(8, 16, 3)
    twin = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)).double()
    for layer, copied in ((model.fc1, twin[0]), (model.fc2, twin[2])):
        layer.weight.data, layer.bias.data = (copied.weight.detach().numpy().T.copy(),
                                              copied.bias.detach().numpy().copy())
    optimizer, reference = (SGD(model.parameters(), 0.1, momentum=0.9),
                            torch.optim.SGD(twin.parameters(), 0.1, momentum=0.9))
    for step in range(30):
        batch = np.arange(step * 32, step * 32 + 32) % 96
        optimizer.zero_grad()
        reference.zero_grad()
        loss = CrossEntropyLoss()(model(leaf(X[batch])), y[batch])
        expected = torch.nn.functional.cross_entropy(twin(torch.tensor(X[batch])), torch.tensor(y[batch]))
        np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-8)
        loss.backward()
        expected.backward()
        optimizer.step()
        reference.step()


def test_a_model_can_be_copied():
    model = Sequential(Linear(3, 2), ReLU())
    model(Tensor(np.ones((1, 3)))).sum().backward()
    other = copy.deepcopy(model)
    other.layers[0].weight.data[:] = 0
    assert (model.layers[0].weight.data.any() and other.layers[0].weight.requires_grad
            and np.array_equal(other.layers[0].bias.grad, model.layers[0].bias.grad))
