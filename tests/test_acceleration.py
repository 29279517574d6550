"""Module 17: each quick form gives what the slow one gives, and the same gradients."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinytorch.core import spatial
from tinytorch.core.activations import GELU
from tinytorch.core.tensor import Tensor
from tinytorch.perf import acceleration
from tinytorch.perf.acceleration import fused_gelu, tiled_matmul, vectorized_matmul
from tinytorch.perf.profiling import Profiler


def leaf(*shape, seed=0):
    (t := Tensor(0, requires_grad=True)).data = np.random.default_rng(seed).normal(size=shape) * 4
    return t


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(m=st.integers(0, 7), k=st.integers(0, 7), n=st.integers(0, 7), tile=st.integers(1, 9))
def test_tiles_of_any_size_make_the_product(m, k, n, tile):
    a, b = leaf(m, k), leaf(k, n, seed=1)
    y, g = tiled_matmul(a, b, tile), np.random.default_rng(2).normal(size=(m, n))
    y.backward(g)
    np.testing.assert_allclose(y.data, np.einsum("mk,kn->mn", a.data, b.data), atol=1e-12)
    np.testing.assert_allclose(a.grad, g @ b.data.T, atol=1e-12)
    np.testing.assert_allclose(b.grad, a.data.T @ g, atol=1e-12)


def test_vectorized_product_broadcasts_and_records():
    a, b = leaf(3, 1, 2, 4), leaf(5, 4, 2, seed=1)
    y = vectorized_matmul(a, b)
    np.testing.assert_allclose(y.data, np.einsum("aick,bkd->abcd", a.data, b.data), atol=1e-12)
    y.backward(np.ones(y.shape))
    assert a.grad.shape == a.shape and b.grad.shape == b.shape


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 4), (2, 0, 3), (2, 3, 4)])
def test_fused_gelu_is_gelu(shape):
    for x in (leaf(*shape), Tensor(leaf(*shape).data * 10, requires_grad=True)):
        before = x.data.copy()
        grads = []
        for f in (fused_gelu, GELU()):
            x.grad = None
            y = f(x)
            y.backward(np.ones(y.shape))
            grads.append((y.data, x.grad))
        (y, slope), (want, want_slope) = grads
        assert y.dtype == x.dtype and np.array_equal(x.data, before)
        np.testing.assert_allclose(y, want, atol=1e-6)
        np.testing.assert_allclose(slope, want_slope, atol=1e-5)


def test_views_stay_as_they_are():
    whole = Tensor(leaf(6, 8).data)
    part, before = whole[::2, ::3], whole.data.copy()
    np.testing.assert_allclose(fused_gelu(part).data, GELU()(part).data, atol=1e-6)
    tiled_matmul(part, part.transpose(), 2)
    assert np.array_equal(whole.data, before)


@pytest.mark.parametrize("call, error, words", [
    (lambda: tiled_matmul(leaf(2, 3), leaf(2, 3)), ValueError, ["(2, 3) @ (2, 3)", "(m, k) @ (k, n)"]),
    (lambda: tiled_matmul(leaf(2, 3, 4), leaf(4, 2)), ValueError, ["(2, 3, 4) @ (4, 2)"]),
    (lambda: tiled_matmul(leaf(2), leaf(2)), ValueError, ["(2,) @ (2,)"]),
    *((lambda tile=tile: tiled_matmul(leaf(2, 2), leaf(2, 2), tile), ValueError, [f"tile_size: got {tile!r}"])
      for tile in (0, -1, 2.0, True, "64", None)),
    (lambda: tiled_matmul(leaf(2, 2).data, leaf(2, 2)), TypeError, ["ndarray"]),
    (lambda: tiled_matmul(leaf(2, 2), [[1.0]]), TypeError, ["list"]),
    (lambda: vectorized_matmul(leaf(2, 3), leaf(2, 3)), ValueError, ["(2, 3) @ (2, 3)"]),
    (lambda: vectorized_matmul([[1.0]], leaf(1, 1)), TypeError, ["list"]),
    (lambda: vectorized_matmul(leaf(2, 3), np.ones((3, 2))), TypeError, ["ndarray"]),
    (lambda: fused_gelu(np.ones(3)), TypeError, ["ndarray"])])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error) as caught: call()
    assert all(word in str(caught.value) for word in words)


def test_columns_are_those_of_module_09_and_the_profiler_sees_all():
    assert acceleration.im2col is spatial.im2col and acceleration.col2im is spatial.col2im
    assert Profiler().count_flops(fused_gelu, (8,)) == 72
    assert Profiler().count_flops(lambda x: tiled_matmul(x, x.transpose(), 2), (8,)) == 2 * 8
