"""Module 09 against its definition: loops written out here, PyTorch where it is installed, and what must be refused."""
import copy
import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinytorch.core.activations import ReLU
from tinytorch.core.autograd import no_grad
from tinytorch.core.layers import Linear, Sequential
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import Adam
from tinytorch.core.spatial import AvgPool2d, BatchNorm2d, Conv2d, Flatten, MaxPool2d, SimpleCNN, col2im, im2col
from tinytorch.core.tensor import Tensor
from tinytorch.datasets import load_digits

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(9)


def normal(*shape, seed=0): return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def places(size, kernel, stride, padding): return range(-padding, size + padding - kernel + 1, stride)


def by_window(x, kernel, stride, padding, fill, f):
    "`f` of each window (B, C, kh, kw), window by window, pixel by pixel: the definition, in float64."
    (B, C, H, W), out = x.shape, []
    for i, j in itertools.product(places(H, kernel[0], stride[0], padding[0]),
                                  places(W, kernel[1], stride[1], padding[1])):
        window = np.full((B, C, *kernel), float(fill))
        for di, dj in np.ndindex(*kernel):
            if 0 <= i + di < H and 0 <= j + dj < W: window[:, :, di, dj] = x[:, :, i + di, j + dj]
        out.append(f(window))
    rows, columns = len(places(H, kernel[0], stride[0], padding[0])), len(places(W, kernel[1], stride[1], padding[1]))
    return np.stack(out, axis=-1).reshape(*out[0].shape, rows, columns)


@st.composite
def geometries(draw):
    "(shape, kernel, stride, padding): any that fit, also not square, empty batches and a single pixel."
    pair = lambda low, high: (draw(st.integers(low, high)), draw(st.integers(low, high)))
    kernel, stride = pair(1, 4), pair(1, 3)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    size = tuple(draw(st.integers(max(1, k - 2 * p), 7)) for k, p in zip(kernel, padding))
    return (draw(st.integers(0, 3)), draw(st.integers(1, 3)), *size), kernel, stride, padding


@PROPERTY
@given(case=geometries(), out=st.integers(1, 3), bias=st.booleans())
def test_convolution_is_its_definition(case, out, bias):
    shape, kernel, stride, padding = case
    x, layer = normal(*shape), Conv2d(shape[1], out, kernel, stride, padding, bias)
    if bias: layer.bias.data = normal(out, seed=1)
    weight = layer.weight.data.astype(float)
    want = by_window(x, kernel, stride, padding, 0, lambda window: np.einsum("bchw,ochw->bo", window, weight))
    got = layer(Tensor(x))
    assert got.shape == want.shape and got.dtype == np.float32
    np.testing.assert_allclose(got.data, want + (layer.bias.data[:, None, None] if bias else 0), atol=1e-4)


@PROPERTY
@given(case=geometries())
def test_pooling_is_its_definition(case):
    shape, kernel, stride, padding = case
    x = normal(*shape)
    for pool, fill, f in ((MaxPool2d, -np.inf, np.max), (AvgPool2d, 0, np.mean)):
        got = pool(kernel, stride, padding)(Tensor(x))
        want = by_window(x, kernel, stride, padding, fill, lambda window: f(window, axis=(2, 3)))
        assert got.shape == want.shape and got.dtype == np.float32
        np.testing.assert_allclose(got.data, want, atol=1e-6)


@PROPERTY
@given(case=geometries())
def test_columns_are_the_windows_and_col2im_is_their_transpose(case):
    shape, kernel, stride, padding = case
    x = np.random.default_rng(1).normal(size=shape)
    columns = im2col(x, kernel, stride, padding)
    want = by_window(x, kernel, stride, padding, 0,
                     lambda window: window.reshape(len(window), shape[1] * kernel[0] * kernel[1]))
    np.testing.assert_array_equal(columns, want.reshape(columns.shape))
    y = np.random.default_rng(2).normal(size=columns.shape)
    back = col2im(y, shape, kernel, stride, padding)
    assert back.shape == x.shape and np.isclose((columns * y).sum(), (x * back).sum())


def test_columns_of_tensors_lists_and_whole_numbers():
    x = np.arange(18).reshape(1, 2, 3, 3)
    assert (im2col(x, 2).dtype == x.dtype
            and im2col(Tensor(x), 2).tolist() == im2col(x, 2).tolist() == im2col(x.tolist(), 2).tolist())
    assert im2col(x, 2)[0, :, 0].tolist() == [0, 1, 3, 4, 9, 10, 12, 13]
    assert col2im(Tensor(np.ones((1, 8, 4))), (1, 2, 3, 3), 2)[0, 1].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


@pytest.mark.parametrize("view", [lambda x: x[:, ::2], lambda x: x[..., ::-1], lambda x: x.transpose(1, 0, 3, 2),
                                  np.asfortranarray])
def test_views_give_what_their_copies_give(view):
    x = view(normal(4, 4, 6, 6))
    x = np.ascontiguousarray(x), x
    for make in (lambda: Conv2d(x[0].shape[1], 2, 3, 2, 1), lambda: MaxPool2d(2), lambda: AvgPool2d(3, 1, 1)):
        layer, outs = make(), []
        for array in x:
            (t := Tensor(0)).data = array
            outs.append(layer(t).data)
        assert np.array_equal(*outs)


def test_input_and_weights_stay_as_they_are():
    x, layers = (Tensor(normal(2, 3, 4, 4), requires_grad=True),
                 [Conv2d(3, 2, 3, padding=1), MaxPool2d(1), AvgPool2d(1), BatchNorm2d(3)])
    before, frozen = x.data.copy(), copy.deepcopy(layers)
    for layer, was in zip(layers, frozen):
        y = layer(x)
        y.backward(np.ones(y.shape))
        assert np.array_equal(x.data, before)
        assert all(np.array_equal(p.data, q.data) for p, q in zip(layer.parameters(), was.parameters()))


def test_weights_keep_the_spread_of_a_signal():
    layer = Conv2d(32, 256, 3)
    assert abs(layer.weight.data.std() / np.sqrt(2 / (32 * 9)) - 1) < 0.01 and not layer.bias.data.any()
    assert layer.weight.requires_grad and layer.bias.requires_grad and layer.parameters() == [layer.weight, layer.bias]
    assert Conv2d(1, 1, 2, bias=False).bias is None and len(Conv2d(1, 1, 2, bias=False).parameters()) == 1


def test_batch_norm_in_training_and_in_evaluation():
    x, norm = normal(8, 3, 4, 5) * 3 + 2, BatchNorm2d(3, eps=0.1, momentum=0.25)
    norm.gamma.data, norm.beta.data = np.float32([1, 2, 3]), np.float32([0, 1, -1])
    mean, var = x.mean(axis=(0, 2, 3), dtype=float), x.var(axis=(0, 2, 3), dtype=float)
    shape = lambda a: np.asarray(a)[:, None, None]
    want = (x - shape(mean)) / np.sqrt(shape(var) + 0.1) * shape([1, 2, 3]) + shape([0, 1, -1])
    np.testing.assert_allclose(norm(Tensor(x)).data, want, atol=1e-5)
    np.testing.assert_allclose(norm.running_mean, 0.25 * mean, atol=1e-6)
    np.testing.assert_allclose(norm.running_var, 0.75 + 0.25 * x.var(axis=(0, 2, 3), ddof=1, dtype=float), atol=1e-5)
    norm.eval()
    kept = norm.running_mean.copy(), norm.running_var.copy()
    want = (x - shape(kept[0])) / np.sqrt(shape(kept[1]) + 0.1) * shape([1, 2, 3]) + shape([0, 1, -1])
    np.testing.assert_allclose(norm(Tensor(x[:1])).data, want[:1], atol=1e-5)
    assert norm(Tensor(x[:0])).shape == (0, 3, 4, 5)
    assert np.array_equal(norm.running_mean, kept[0]) and np.array_equal(norm.running_var, kept[1])
    assert norm.size_bytes() == 4 * 3 * 4 and norm.running_mean.dtype == np.float32


@pytest.mark.parametrize("call, error, words", [
    (lambda: Conv2d(3, 4, 3)(Tensor(normal(2, 1, 8, 8))), ValueError, ["(2, 1, 8, 8)", "(4, 3, 3, 3)", "(B, 3, H, W)"]),
    (lambda: Conv2d(1, 4, 3)(Tensor(normal(8, 8))), ValueError, ["(8, 8)", "(4, 1, 3, 3)"]),
    (lambda: Conv2d(1, 4, 5)(Tensor(normal(1, 1, 4, 9))), ValueError, ["(1, 1, 4, 9)", "(5, 5)", "pad?"]),
    (lambda: Conv2d(1, 4, 5)(Tensor(normal(1, 1, 9, 4))), ValueError, ["(1, 1, 9, 4)", "(5, 5)", "pad?"]),
    (lambda: Conv2d(1, 4, 3)(normal(1, 1, 8, 8)), TypeError, ["ndarray", "Tensor(x)"]),
    (lambda: MaxPool2d(2)(normal(1, 1, 8, 8)), TypeError, ["MaxPool2d", "ndarray"]),
    (lambda: AvgPool2d(2)(Tensor(normal(8, 8))), ValueError, ["AvgPool2d", "(8, 8)", "(B, C, H, W)"]),
    (lambda: MaxPool2d(9)(Tensor(normal(1, 1, 8, 8))), ValueError, ["(1, 1, 8, 8)", "(9, 9)"]),
    (lambda: MaxPool2d(2, padding=2), ValueError, ["padding: got 2", "half"]),
    (lambda: BatchNorm2d(2)(Tensor(normal(2, 3, 4, 4))), ValueError, ["(2, 3, 4, 4)", "(2,)"]),
    (lambda: BatchNorm2d(2)(Tensor(normal(1, 2, 1, 1))), ValueError, ["(1, 2, 1, 1)", "eval()"]),
    (lambda: BatchNorm2d(2)(normal(1, 2, 1, 1)), TypeError, ["BatchNorm2d"]),
    (lambda: BatchNorm2d(0), ValueError, ["num_features: got 0"]),
    (lambda: Flatten()(normal(2, 2)), TypeError, ["Flatten"]),
    (lambda: Flatten()(Tensor(3)), ValueError, ["()", "(B, ...)"]),
    (lambda: Conv2d(0, 1, 3), ValueError, ["in_channels=0"]),
    (lambda: Conv2d(1, 1, 0), ValueError, ["kernel_size: got 0"]),
    (lambda: Conv2d(1, 1, 3, stride=0), ValueError, ["stride: got 0"]),
    (lambda: Conv2d(1, 1, 3, padding=-1), ValueError, ["padding: got -1"]),
    (lambda: Conv2d(1, 1, (3, 3, 3)), ValueError, ["(3, 3, 3)"]), (lambda: Conv2d(1, 1, 2.5), ValueError, ["2.5"]),
    (lambda: Conv2d(1, 1, True), ValueError, ["True"]),
    (lambda: im2col(normal(3, 3), 2), ValueError, ["im2col", "(3, 3)"]),
    (lambda: col2im(normal(1, 4, 3), (1, 1, 3, 3), 2), ValueError, ["(1, 4, 3)", "(1, 1, 3, 3)", "(1, 4, 4)"])])
def test_what_does_not_fit_is_refused_with_both_shapes(call, error, words):
    with pytest.raises(error) as caught: call()
    assert all(word in str(caught.value) for word in words), caught.value


def test_layers_show_what_they_are():
    assert repr(Conv2d(1, 8, 3, padding=1)) == "Conv2d(1, 8, (3, 3), stride=(1, 1), padding=(1, 1))"
    assert (repr(Conv2d(1, 8, 3, bias=False)).endswith("bias=False)")
            and repr(MaxPool2d(2)) == "MaxPool2d((2, 2), (2, 2), padding=(0, 0))")
    assert repr(SimpleCNN()).count("Conv2d") == 2 and repr(BatchNorm2d(3)) == "BatchNorm2d(3)"


def test_a_network_learns_the_digits_and_switches_to_its_exam():
    X, y, X_test, y_test = load_digits()
    model = Sequential(Conv2d(1, 8, 3, padding=1), BatchNorm2d(8), ReLU(), MaxPool2d(2), Flatten(), Linear(128, 10))
    optimizer, rng = Adam(model.parameters(), lr=0.005), np.random.default_rng(0)
    for batch in np.array_split(np.concatenate([rng.permutation(len(X)) for _ in range(3)]), 135):
        optimizer.zero_grad()
        CrossEntropyLoss()(model(Tensor(X[batch].reshape(-1, 1, 8, 8))), y[batch]).backward()
        optimizer.step()
    model.eval()
    with no_grad(): scores = model(Tensor(X_test.reshape(-1, 1, 8, 8))).data
    assert np.mean(scores.argmax(axis=1) == y_test) > 0.93
    alone = np.concatenate([model(Tensor(x.reshape(1, 1, 8, 8))).data for x in X_test[:20]])
    np.testing.assert_allclose(alone, scores[:20], atol=1e-4)


def test_simple_cnn_is_for_the_digits():
    model = SimpleCNN()
    assert (model(Tensor(normal(3, 1, 8, 8))).shape == (3, 10)
            and SimpleCNN(num_classes=4)(Tensor(normal(0, 1, 8, 8))).shape == (0, 4))
    assert sum(p.size for p in model.parameters()) == 16 * 10 + 32 * 145 + 128 * 10 + 10


def test_columns_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch, then run this file again")
    F, x = torch.nn.functional, normal(2, 3, 7, 6)
    for how in ({"kernel_size": 3}, {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)}):
        columns = im2col(x, **how)
        np.testing.assert_array_equal(columns, F.unfold(torch.tensor(x), **how).numpy())
        np.testing.assert_allclose(col2im(columns, x.shape, **how),
                                   F.fold(torch.tensor(columns), x.shape[2:], **how).numpy(), rtol=1e-6)


def test_running_statistics_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch, then run this file again")
    ours, theirs = BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    for seed in range(4):
        x = normal(5, 3, 2, 4, seed=seed)
        np.testing.assert_allclose(ours(Tensor(x)).data, theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)
    ours.eval(), theirs.eval()
    np.testing.assert_allclose(ours(Tensor(x)).data, theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 2, 3, 4, 5)])
def test_windows_are_those_of_images(shape):
    with pytest.raises(ValueError, match=re.escape(f"im2col: got x {shape}, expected (B, C, H, W)")):
        im2col(np.zeros(shape), 2)
