"""The core framework: what each module promises of values, shapes, types, errors, training and progress."""
import copy
import operator
import os
import pickle
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from tinytorch.core.activations import GELU, ReLU, Sigmoid, Softmax, Tanh
from tinytorch.core.dataloader import DataLoader, Dataset, TensorDataset
from tinytorch.core.layers import Dropout, Layer, Linear, Sequential, parts_of
from tinytorch.core.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, MSELoss
from tinytorch.core.optimizers import SGD, Adam, AdamW
from tinytorch.core.tensor import Tensor
from tinytorch.core.training import CosineSchedule, Trainer
from tinytorch.datasets import load_digits
from tinytorch.olympics import SimpleMLP

PROPERTY = settings(max_examples=50, deadline=None, derandomize=True, database=None)


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def refused(error, f, *words):
    "`f()` raises `error` with all `words` in its message."
    with pytest.raises(error) as caught: f()
    assert all(word in str(caught.value) for word in words), caught.value


# Tensor

@pytest.mark.parametrize("data", [3, 2.5, True, [1, 2], [[1], [2]], np.arange(3), np.float16(1.5), np.zeros((2, 0)),
                                  array(2, 3)[:, ::2], Tensor([1, 2]), range(3), [Tensor([1, 2]), Tensor([3, 4])]])
def test_data_becomes_a_float32_copy(data):
    tensor = Tensor(data)
    want = np.asarray(data, dtype=np.float32)
    assert (type(tensor.data) is np.ndarray and tensor.dtype == tensor.data.dtype == np.float32
            and np.array_equal(tensor.data, want))
    assert (tensor.shape, tensor.size, tensor.ndim) == (want.shape, want.size, want.ndim)
    assert (tensor.grad is None and tensor.requires_grad is False
            and Tensor(data, requires_grad=True).requires_grad is True)


def test_data_is_copied():
    source = array(3)
    tensor = Tensor(source)
    source[:] = 0
    assert tensor.data.any() and not np.shares_memory(Tensor(tensor).data, tensor.data)


@pytest.mark.parametrize("data", [None, "1", ["a"], 1j, object(), {}, np.array(["2020-01-01"], dtype="datetime64[D]")])
def test_what_is_no_number_is_refused(data):
    refused(TypeError, lambda: Tensor(data), type(data).__name__, "expected numbers")
    refused(TypeError, lambda: Tensor(1) + data)


def test_shape_and_type_follow_a_rebound_data():
    t = Tensor([[1, 2], [3, 4]])
    t.data = np.arange(6, dtype=np.int8).reshape(3, 2)
    assert (t.shape, t.dtype, t.size, t.ndim, len(t)) == ((3, 2), np.int8, 6, 2, 3)


def test_numpy_and_item():
    t = Tensor([[1.5]])
    assert t.numpy() is t.data and t.item() == 1.5 and type(t.item()) is float
    refused(ValueError, Tensor([1, 2]).item)
    assert (np.asarray(t).dtype == np.float32 and np.array(t, dtype=float).dtype == float
            and not np.shares_memory(np.array(t), t.data))


def test_one_number_is_a_scalar_and_several_are_not():
    assert float(Tensor(2.5)) == float(Tensor([[2.5]])) == 2.5 and Tensor([0.5]) and not Tensor([0.0]) and not Tensor(0)
    for several in (Tensor([1, 2]), Tensor([])):
        for convert in (float, bool, Tensor.item):
            refused(ValueError, lambda: convert(several), "expected one number", str(several.shape))
    assert [t.item() for t in Tensor([3, 4])] == [3, 4] and list(Tensor([])) == []
    refused(TypeError, lambda: list(Tensor(5.0)))


def test_repr_is_short_and_tells_shape_and_gradient():
    text = repr(Tensor(array(100, 100), requires_grad=True))
    assert (len(text) < 800 and "shape=(100, 100)" in text and "requires_grad=True" in text
            and "requires_grad" not in repr(Tensor(1)))


@pytest.mark.parametrize("data, most", [([1.0, 1e300], "1e+300"), (np.array([[-3.5e38, np.inf]]), "3.5e+38"),
                                        (np.float64(1e39), "1e+39")])
def test_what_float32_cannot_hold_is_refused(data, most):
    with pytest.raises(ValueError, match=re.escape(
            f"Tensor: got {most}, which is beyond float32 (3.4e38); scale the numbers down")):
        Tensor(data)


def test_what_is_infinite_already_or_too_small_is_kept_as_float32_has_it():
    given = np.array([np.inf, -np.inf, np.nan, 1e-60, float(np.finfo(np.float32).max)])
    assert np.array_equal(Tensor(given).data, given.astype(np.float32), equal_nan=True)


def test_copies_and_pickles():
    t = Tensor([1, 2], requires_grad=True)
    t.grad = np.ones(2, dtype=np.float32)
    for other in (copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert other.data.tolist() == [1, 2] and other.grad.tolist() == [1, 1] and other.requires_grad
        assert not np.shares_memory(other.data, t.data)


OTHERS = {"Tensor": Tensor, "array": lambda x: x, "float64": lambda x: x.astype(float), "list": lambda x: x.tolist(),
          "int": lambda x: 2, "float": lambda x: 1.5, "numpy number": lambda x: np.float64(1.5),
          "0-d array": lambda x: np.array(3), "Tensor of one": lambda x: Tensor(2)}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("op", ["add", "sub", "mul", "truediv", "pow"])
def test_arithmetic_with_tensors_arrays_and_numbers(op, kind):
    x, other = abs(array(2, 3)) + 1, OTHERS[kind](abs(array(3, seed=1)) + 1)
    plain = getattr(operator, op)
    value = np.asarray(other.data if isinstance(other, Tensor) else other, dtype=np.float32)
    for got, want in ((plain(Tensor(x), other), plain(x, value)), (plain(other, Tensor(x)), plain(value, x))):
        assert (type(got) is Tensor and type(got.data) is np.ndarray and got.dtype == np.float32
                and np.allclose(got.data, want, rtol=1e-6))


@PROPERTY
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3, min_side=0))
def test_shapes_broadcast_as_in_numpy(shapes):
    a, b = (array(*shape) for shape in shapes.input_shapes)
    assert np.array_equal((Tensor(a) * Tensor(b)).data, a * b) and (Tensor(a) - b).shape == shapes.result_shape


@PROPERTY
@given(a=hnp.array_shapes(max_dims=3, max_side=3), b=hnp.array_shapes(max_dims=3, max_side=3))
def test_matmul_is_numpys_or_names_both_shapes(a, b):
    try:
        want = array(*a) @ array(*b)
    except ValueError:
        refused(ValueError, lambda: Tensor(array(*a)) @ Tensor(array(*b)), str(a), str(b))
    else:
        assert (np.allclose((Tensor(array(*a)) @ array(*b)).data, want, atol=1e-6)
                and np.allclose((array(*a) @ Tensor(array(*b))).data, want, atol=1e-6))


def test_errors_of_operations():
    t = Tensor(array(2, 3))
    for other in (array(3, 2), [[1.0]], 2, None):
        refused(TypeError, lambda: t.matmul(other), type(other).__name__, "Tensor(x)")
    refused(ValueError, lambda: t @ t, "(2, 3) @ (2, 3)")
    refused(ValueError, lambda: t @ 2, "(2, 3)", "()")
    refused(ValueError, lambda: t + array(2), "add", "(2, 3)", "(2,)")
    refused(ValueError, lambda: array(2) - t, "sub", "(2, 3)", "(2,)")
    refused(ValueError, lambda: t.reshape(4, 2), "(2, 3)", "(4, 2)")
    refused(ValueError, lambda: t.sum(axis=2), "sum", "(2, 3)", "axis 2")
    refused(ValueError, lambda: Tensor([]).max(), "max", "(0,)")
    refused(IndexError, lambda: t[5])


def test_shapes_and_views():
    x = array(2, 3, 4)
    t = Tensor(x)
    assert (np.array_equal(t[1, :, ::2].data, x[1, :, ::2]) and np.shares_memory(t[1:].data, t.data)
            and t[0, 0, 0].shape == ())
    assert (t.reshape(6, 4).shape == t.reshape((6, 4)).shape == t.reshape([-1, 4]).shape == (6, 4)
            and t.reshape(-1).shape == (24,) and t.reshape(24).shape == (24,))
    assert (np.array_equal(t.transpose().data, x.swapaxes(1, 2))
            and np.array_equal(t.transpose(0, 1).data, x.swapaxes(0, 1)))
    assert (Tensor([1, 2]).transpose().shape == (2,) and Tensor(1).transpose().shape == ()
            and Tensor([1, 2]).transpose(0, 0).shape == (2,))
    for few, dims in ((Tensor([1, 2]), (5, 7)), (Tensor(1), (0, 0)), (t, (0, 3))):
        refused(ValueError, lambda: few.transpose(*dims), "axis")
    assert np.array_equal(np.stack([row.data for row in t]), x)


@pytest.mark.parametrize("op", ["sum", "mean", "max"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(op, axis, keepdims):
    x = array(2, 3, 4)
    got, want = getattr(Tensor(x), op)(axis=axis, keepdims=keepdims), getattr(x, op)(axis=axis, keepdims=keepdims)
    assert (type(got.data) is np.ndarray and got.shape == want.shape and np.allclose(got.data, want)
            and got.dtype == np.float32)


def test_empty_and_noncontiguous():
    assert Tensor([]).sum().item() == 0 and (Tensor(np.zeros((0, 3))) @ Tensor(array(3, 2))).shape == (0, 2)
    x = array(4, 6)
    for view in (x.T, x[::2, ::-3], np.asfortranarray(x)): assert np.array_equal((Tensor(view) * 2).data, view * 2)


# activations, layers

@pytest.mark.parametrize("f, want", [
    (ReLU(), lambda x: np.where(x > 0, x, 0)), (Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    (Tanh(), lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)),
    (GELU(), lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    (Softmax(), lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True))])
def test_activations(f, want):
    x = array(2, 3, 4)
    for view in (x, x[:, ::2], x[:0], x[0, 0, :1]):
        y = f(Tensor(view))
        assert (np.allclose(y.data, want(view.astype(float)), atol=1e-6) and y.dtype == np.float32
                and np.array_equal(f.forward(Tensor(view)).data, y.data))
    if isinstance(f, (ReLU, Tanh)): refused(TypeError, lambda: f.forward(array(2)), "ndarray", "expected Tensor")
    assert f.parameters() == [] and repr(f) == f"{type(f).__name__}()"
    for other in ([1.0], x, 1):
        refused(TypeError, lambda: f(other), type(f).__name__, type(other).__name__, "expected Tensor")


def test_softmax_of_huge_scores():
    assert Softmax()(Tensor([[1e30, -1e30], [-1e30, -1e30]])).data.tolist() == [[1, 0], [0.5, 0.5]]


def test_linear():
    np.random.seed(0)
    layer = Linear(400, 300)
    assert (layer.weight.shape == (400, 300) and layer.bias.shape == (300,) and not layer.bias.data.any()
            and layer.parameters() == [layer.weight, layer.bias])
    assert (abs(layer.weight.data.std() * 20 - 1) < 0.01
            and all(p.requires_grad and p.dtype == np.float32 for p in layer.parameters()))
    layer.bias.data = array(300)
    for x in (array(7, 400), array(400), array(2, 3, 400), array(0, 400), array(400, 7).T):
        assert np.allclose(layer(Tensor(x)).data, x @ layer.weight.data + layer.bias.data, atol=1e-4)
    plain = Linear(3, 2, bias=False)
    assert plain.bias is None and plain.parameters() == [plain.weight] and isinstance(plain, Layer)


def test_a_layer_says_its_sizes_and_that_it_has_no_bias():
    assert repr(Linear(3, 2)) == "Linear(3, 2)" and repr(Linear(3, 2, bias=False)) == "Linear(3, 2, bias=False)"


def test_a_part_computes_or_has_parameters():
    class Computes:
        def forward(self, x): return x
    class Holds:
        def parameters(self): return []
    class Model(Layer):
        def __init__(self):
            self.a, self.rest, self.kind, self.other, self.again = (Computes(), {"b": [Holds()], "c": 3}, Computes,
                                                                    object(), self)
    model = Model()
    assert list(map(type, parts_of(model))) == [Model, Computes, Holds]


def test_linear_leaves_its_input_and_parameters_alone():
    layer, x = Linear(3, 3), Tensor(np.eye(3))
    before = [a.copy() for a in (x.data, layer.weight.data, layer.bias.data)]
    layer(x).data[:] = 9
    assert all(np.array_equal(a, b) for a, b in zip(before, (x.data, layer.weight.data, layer.bias.data)))


def test_same_seed_same_weights():
    models = []
    for seed in (0, 0, 1):
        np.random.seed(seed)
        models.append(Linear(4, 3).weight.data)
    assert np.array_equal(models[0], models[1]) and not np.array_equal(models[0], models[2])


def test_errors_of_layers():
    layer = Linear(4, 3)
    refused(TypeError, lambda: layer(array(2, 4)), "ndarray", "Tensor(x)")
    refused(ValueError, lambda: layer(Tensor(array(2, 5))), "(2, 5)", "(4, 3)")
    refused(ValueError, lambda: layer(Tensor(1)), "()", "(4, 3)")
    refused(ValueError, lambda: Linear(0, 3), "in_features=0")
    for p in (-0.1, 1.5, float("nan")): refused(ValueError, lambda: Dropout(p), repr(p))


def test_dropout():
    np.random.seed(0)
    layer, x = Dropout(0.25), Tensor(np.ones((200, 200)))
    y = layer(x).data
    assert (set(np.unique(y)) == {0, np.float32(1 / 0.75)} and abs((y == 0).mean() - 0.25) < 0.01
            and abs(y.mean() - 1) < 0.01)
    assert layer.eval()(x) is x and Dropout(0)(x) is x and not Dropout(1)(x).data.any() and layer.parameters() == []


def test_sequential():
    model = Sequential(Linear(4, 3), Sequential([ReLU(), Dropout(0.5)]), Linear(3, 2))
    assert [p.shape for p in model.parameters()] == [(4, 3), (3,), (3, 2), (2,)]
    assert (model.eval() is model and model.layers[1].layers[1].training is False
            and model.train().layers[1].layers[1].training is True)
    x = Tensor(array(5, 4))
    assert np.allclose(model.eval()(x).data,
                       np.maximum(x.data @ model.layers[0].weight.data, 0) @ model.layers[2].weight.data, atol=1e-6)
    model.layers[2] = Linear(3, 7)
    assert model(x).shape == (5, 7)


class Attributes:
    "A model that is no Layer and keeps its parts in every way but a list of `layers`."
    def __init__(self):
        self.first, self.drops, self.named, self.me, self.kind = (Linear(4, 3), (Dropout(), [Dropout()]),
                                                                  {"drop": Dropout()}, self, Dropout)

    def forward(self, x):
        return self.named["drop"].forward(self.drops[1][0].forward(self.drops[0].forward(self.first.forward(x))))
    def __call__(self, x): return self.forward(x)
    def parameters(self): return self.first.parameters()
    def all(self): return [self.drops[0], self.drops[1][0], self.named["drop"]]


class Beside(Sequential):
    "A Dropout outside of `layers`."
    def __init__(self): super().__init__(Attributes()); self.drop = Dropout()


def test_training_is_switched_wherever_a_layer_is_kept():
    model = Beside()
    held = [model, model.drop, *model.layers[0].all()]
    assert model.eval() is model and not any(part.training for part in held)
    assert model.train() is model and all(part.training for part in held) and Dropout.training
    plain = Attributes()
    trainer, loader = (Trainer(plain, SGD(plain.parameters()), MSELoss(), progress=False),
                       DataLoader(TensorDataset(array(4, 4), array(4, 3))))
    trainer.evaluate(loader)
    assert not any(drop.training for drop in plain.all())
    trainer.train_epoch(loader)
    assert all(drop.training for drop in plain.all())


# losses

def test_losses_against_closed_forms():
    z, y = array(5, 4), np.array([0, 3, 1, 1, 2])
    wide = z.astype(float)
    want = -np.mean([wide[i, c] - np.log(np.exp(wide[i]).sum()) for i, c in enumerate(y)])
    for targets in (y, y.tolist(), Tensor(y), y.astype(np.uint8), y.astype(float)):
        loss = CrossEntropyLoss()(Tensor(z), targets)
        assert np.isclose(loss.item(), want, rtol=1e-6) and loss.shape == () and loss.dtype == np.float32
    p, t = 1 / (1 + np.exp(-wide)), (array(5, 4, seed=1) > 0).astype(float)
    assert np.isclose(MSELoss()(Tensor(z), t).item(), ((wide - t) ** 2).mean(), rtol=1e-6)
    assert np.isclose(BinaryCrossEntropyLoss()(Tensor(p), t).item(), -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(),
                      rtol=1e-5)


@pytest.mark.parametrize("targets, words", [([0, 1], ["(3, 4)", "(2,)"]), ([[0], [1], [2]], ["(3, 1)"]),
                                            ([0, 1, 4], ["got target 4", "0 to 3"]), ([0, -1, 1], ["got target -1"]),
                                            ([0, 0.5, 1], ["got target 0.5"]), ([0, 2**62, 0], [str(2**62)])])
def test_cross_entropy_refuses(targets, words):
    refused(ValueError, lambda: CrossEntropyLoss()(Tensor(array(3, 4)), targets), *words)


def test_losses_refuse_shapes_and_probabilities():
    refused(ValueError, lambda: CrossEntropyLoss()(Tensor(array(3)), [0, 1, 2]), "(3,)")
    refused(ValueError, lambda: CrossEntropyLoss()(Tensor(array(0, 3)), []), "(0, 3)")
    for loss in (MSELoss(), BinaryCrossEntropyLoss(), CrossEntropyLoss()):
        refused(TypeError, lambda: loss(np.array([[0.5]]), [0]), type(loss).__name__, "ndarray")
    for loss in (MSELoss(), BinaryCrossEntropyLoss()):
        refused(ValueError, lambda: loss(Tensor([[0.5], [0.5]]), [0.5, 0.5]), "(2, 1)", "(2,)")
        refused(ValueError, lambda: loss(Tensor([]), []), "(0,)")
    for p, t in (([1.1], [1]), ([-0.1], [1]), ([float("nan")], [1]), ([0.5], [2])):
        refused(ValueError, lambda: BinaryCrossEntropyLoss()(Tensor(p), t), "[0, 1]")


def test_binary_cross_entropy_where_a_logarithm_has_no_value():
    p = Tensor([0, 1, 1, 0], requires_grad=True)
    loss = BinaryCrossEntropyLoss()(p, [1, 0, 1, 0])
    loss.backward()
    assert loss.item() == 50 and np.allclose(p.grad, [-0.25e12, 0.25e12, 0, 0])


# optimizers

@pytest.mark.parametrize("optimizer", [SGD, Adam, AdamW])
def test_optimizers_refuse(optimizer):
    p = Tensor([1], requires_grad=True)
    for lr in (0, -0.1, float("nan"), float("inf")): refused(ValueError, lambda: optimizer([p], lr=lr), "lr", repr(lr))
    for lr in ("0.1", None, True, np.array([0.1]), 1j):
        refused(ValueError, lambda: optimizer([p], lr=lr), "lr: got", repr(lr), "a number")
    refused(ValueError, lambda: optimizer([p], weight_decay=-1), "weight_decay", "-1")
    refused(ValueError, lambda: optimizer([p, Tensor([1]), p]), "duplicate")
    refused(ValueError, lambda: optimizer([]), "none")
    refused(TypeError, lambda: optimizer([p.data]), "ndarray")
    refused(TypeError, lambda: optimizer(p), "got a Tensor", "[tensor]")
    refused(ValueError, lambda: optimizer([p, p * 2]), "result of mul")


def test_rates_of_each_optimizer():
    p = Tensor([1], requires_grad=True)
    for momentum in (-0.1, 1, 1.5): refused(ValueError, lambda: SGD([p], momentum=momentum), "momentum", repr(momentum))
    for betas in ((1, 0.9), (0.9, -0.1), (0.9,), (0.9, 0.99, 0.999), 0.9, None, ("a", "b")):
        refused(ValueError, lambda: Adam([p], betas=betas), "betas")
    refused(ValueError, lambda: Adam([p], eps=-1), "eps")
    assert ((SGD([p]).lr, SGD([p]).momentum, SGD([p]).weight_decay) == (0.01, 0, 0) and AdamW([p]).weight_decay == 0.01
            and Adam([p]).lr == 0.001)


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1), lambda p: SGD(p, 0.02, momentum=0.9), lambda p: Adam(p, 0.2),
                                  lambda p: AdamW(p, 0.2, weight_decay=0)])
def test_optimizers_find_the_bottom(make):
    x, y = Tensor([5, -3], requires_grad=True), Tensor(4, requires_grad=True)
    optimizer = make([x, y])
    for _ in range(300):
        optimizer.zero_grad()
        (((x - [1, 2]) ** 2).sum() + (y - 3) ** 2).backward()
        optimizer.step()
    assert np.allclose(x.data, [1, 2], atol=1e-2) and np.allclose(y.data, 3, atol=1e-2)
    assert all(type(p.data) is np.ndarray and p.dtype == np.float32 for p in (x, y)) and y.shape == ()


def test_weight_decay_joins_the_gradient_of_adam():
    p, m, v, want = Tensor([2.0], requires_grad=True), 0.0, 0.0, 2.0
    optimizer = Adam([p], 0.1, weight_decay=0.5)
    for t, gradient in enumerate((1.0, -3.0, 0.25), 1):   # one step alone would only show a sign
        p.grad = np.array([gradient], np.float32)
        optimizer.step()
        g = gradient + 0.5 * want
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        want -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert np.isclose(p.item(), want, rtol=1e-5)


def test_steps_against_closed_forms():
    def stepped(make, *gradients):
        p = Tensor([2], requires_grad=True)
        optimizer = make([p])
        for g in gradients:
            p.grad = np.array([g], dtype=np.float32)
            optimizer.step()
        return p.item()
    assert np.isclose(stepped(lambda p: SGD(p, 0.1, momentum=0.5), 1, 3), 2 - 0.1 * 1 - 0.1 * (0.5 * 1 + 3))
    assert np.isclose(stepped(lambda p: SGD(p, 0.1, weight_decay=0.5), 1), 2 - 0.1 * (1 + 0.5 * 2))
    assert np.isclose(stepped(lambda p: Adam(p, 0.1, weight_decay=0.5), 7), 2 - 0.1)
    assert np.isclose(stepped(lambda p: AdamW(p, 0.1, weight_decay=0.5), 7), 2 - 0.1 - 0.1 * 0.5 * 2)
    assert np.isclose(stepped(lambda p: Adam(p, 0.1, betas=(0.5, 0.75)), 1, 3),
                      2 - 0.1 - 0.1 * (1.75 / 0.75) / np.sqrt((0.75 * 0.25 + 0.25 * 9) / (1 - 0.75**2)))


@pytest.mark.parametrize("optimizer", [SGD, Adam, AdamW])
def test_a_step_keeps_the_shape_and_fractions_of_a_parameter(optimizer):
    p = Tensor([1, 2], requires_grad=True)
    for shape in ((1,), (3, 2), ()):
        p.grad = np.ones(shape, np.float32)
        refused(ValueError, optimizer([p]).step, f"gradient {shape}", "(2,)")
    assert p.data.tolist() == [1, 2]
    p.data, p.grad = np.array([1, 2]), np.ones(2, np.float32)
    optimizer([p], lr=0.25, weight_decay=0).step()
    assert p.dtype == np.float32 and np.allclose(p.data, [0.75, 1.75])


def test_a_step_leaves_old_arrays_and_parameters_without_gradient_alone():
    p, still = Tensor([1], requires_grad=True), Tensor([7], requires_grad=True)
    before, p.grad = p.data, np.array([2.0], dtype=np.float32)
    optimizer = SGD(iter([p, still]), lr=0.5)
    optimizer.lr = np.float64(0.5)  # as a schedule would set it
    optimizer.step()
    assert p.dtype == np.float32
    assert before.tolist() == [1] and p.data.tolist() == [0] and still.data.tolist() == [7]
    optimizer.zero_grad()
    assert p.grad is None


# data

def test_dataset():
    data = TensorDataset(array(5, 2), np.arange(5))
    X, y = data[3]
    assert (len(data) == 5 and X.shape == (2,) and y.item() == 3 and [t.shape for t in data[1:3]] == [(2, 2), (2,)]
            and data[np.array([4, 0])][1].data.tolist() == [4, 0])
    assert (all(type(t) is Tensor and t.dtype == np.float32 for t in data[:2])
            and TensorDataset(Tensor([1, 2]), [3, 4])[1][1].item() == 4)
    refused(ValueError, lambda: TensorDataset(array(3, 2), array(4)), "(3, 2)", "(4,)")
    for arrays in ((), (1,)): refused(ValueError, lambda: TensorDataset(*arrays), "expected at least one")


@PROPERTY
@given(n=st.integers(0, 40), batch_size=st.integers(1, 45), shuffle=st.booleans(), seed=st.integers(0, 9))
def test_loader_deals_each_sample_once_an_epoch(n, batch_size, shuffle, seed):
    loader = DataLoader(TensorDataset(np.arange(n), np.arange(n) * 2), batch_size, shuffle, seed)
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader) == -(-n // batch_size) and all(len(X) == batch_size for X, y in batches[:-1])
        order = [int(v) for X, y in batches for v in X.data]
        assert (sorted(order) == list(range(n)) and (shuffle or order == list(range(n)))
                and all(np.array_equal(y.data, 2 * X.data) for X, y in batches))


def test_loader_order():
    def epochs(seed):
        loader = DataLoader(TensorDataset(np.arange(50)), 8, shuffle=True, seed=seed)
        return [[X.data.tolist() for X, in loader] for _ in range(2)]
    assert epochs(1) == epochs(1) and epochs(1) != epochs(2) and epochs(1)[0] != epochs(1)[1]
    for size in (0, -1, 2.5, True, None):
        refused(ValueError, lambda: DataLoader(TensorDataset([1]), size), "batch_size", repr(size))


# training

def digits(seed=0, epochs=1, progress=False, **options):
    "A trainer for SimpleMLP(64, 32, 10), the loaders, and the rows of a fit."
    X_train, y_train, X_test, y_test = load_digits()
    np.random.seed(seed)
    model = SimpleMLP(64, 32, 10)
    trainer = Trainer(model, SGD(model.parameters(), lr=0.1, momentum=0.9), CrossEntropyLoss(), progress=progress)
    loaders = (DataLoader(TensorDataset(X_train, y_train), 32, shuffle=True, seed=seed),
               DataLoader(TensorDataset(X_test, y_test), 100))
    return trainer, *loaders, trainer.fit(*loaders, epochs=epochs)


def test_the_digits_reach_95_percent_in_20_epochs():
    trainer, _, test, rows = digits(epochs=20)
    assert len(rows) == 20 and rows[-1][0] < 0.1 and rows[-1][2] >= 0.95
    assert rows[-1][1:] == trainer.evaluate(test)
    X_test, y_test = load_digits()[2:]
    assert trainer.evaluate(test)[1] == np.mean(trainer.model(Tensor(X_test)).data.argmax(axis=1) == y_test)


def test_same_seed_same_result():
    one, again, other = (digits(seed, epochs=3) for seed in (1, 1, 2))
    assert one[3] == again[3] and one[3] != other[3]
    assert all(np.array_equal(p.data, q.data) for p, q in zip(one[0].model.parameters(), again[0].model.parameters()))


def test_an_epoch_is_the_mean_over_samples():
    model = Sequential(Linear(2, 3), Dropout(0.5))
    trainer = Trainer(model, SGD(model.parameters(), lr=1e-9), CrossEntropyLoss(), progress=False)
    X, y = array(10, 2), np.arange(10) % 3
    loader = DataLoader(TensorDataset(X, y), batch_size=4)
    loss, accuracy = trainer.evaluate(loader)
    assert not model.layers[1].training and np.isclose(loss, CrossEntropyLoss()(model(Tensor(X)), y).item(), rtol=1e-6)
    assert (accuracy == np.mean(model(Tensor(X)).data.argmax(axis=1) == y)
            and all(p.grad is None for p in model.parameters()))
    np.random.seed(0)
    got = trainer.train_epoch(loader)
    np.random.seed(0)
    assert (model.layers[1].training and np.isclose(
        got, np.mean([CrossEntropyLoss()(model(a), b).item() * len(a) for a, b in loader]) * 3 / 10, rtol=1e-5))


def test_evaluate_leaves_the_model_alone():
    trainer, _, test, _ = digits()
    before = [p.data.copy() for p in trainer.model.parameters()]
    trainer.optimizer.zero_grad()
    assert trainer.evaluate(test) == trainer.evaluate(test)
    assert all(np.array_equal(p.data, b) and p.grad is None for p, b in zip(trainer.model.parameters(), before))


def test_evaluate_records_no_nodes():
    outputs = []

    class Watched(Linear):
        def forward(self, x):
            outputs.append(super().forward(x))
            return outputs[-1]
    model = Watched(2, 3)
    Trainer(model, SGD(model.parameters()), CrossEntropyLoss(),
            progress=False).evaluate(DataLoader(TensorDataset(array(4, 2), np.zeros(4))))
    assert outputs[0].node is None and model(Tensor(array(1, 2))).node


def test_a_regression_has_no_accuracy_and_an_empty_loader_is_refused():
    model = Linear(2, 1)
    trainer = Trainer(model, Adam(model.parameters()), MSELoss(), progress=False)
    assert np.isnan(trainer.evaluate(DataLoader(TensorDataset(array(4, 2), array(4, 1))))[1])
    for work in (trainer.train_epoch, trainer.evaluate): refused(ValueError, lambda: work([]), "no samples")


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_diverged_model_has_no_right_answers():
    model = Linear(2, 3)
    trainer = Trainer(model, SGD(model.parameters()), CrossEntropyLoss(), progress=False)
    for scores in (np.nan, np.inf):
        model.bias.data = np.array([scores, 0, 0], np.float32)
        assert trainer.evaluate(DataLoader(TensorDataset(array(4, 2), np.zeros(4))))[1] == 0


class Clock:
    "A clock that moves by a second each time it is asked, so that short work looks long."
    def __init__(self): self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def test_a_bar_shows_on_long_work(monkeypatch, capsys):
    tqdm = pytest.importorskip("tqdm", reason="the progress bar needs tqdm: pip install tqdm")
    monkeypatch.setattr(tqdm.std, "time", Clock())
    digits(epochs=3, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "train" in err and "evaluate" in err and "epochs" in err and "/46" in err


def test_nothing_is_printed_when_off_nor_on_short_work(monkeypatch, capfd):
    tqdm = pytest.importorskip("tqdm", reason="the progress bar needs tqdm: pip install tqdm")
    monkeypatch.setattr(tqdm.std, "time", lambda: 0.0)
    digits(epochs=3, progress=True)
    monkeypatch.setattr(tqdm.std, "time", Clock())
    digits(epochs=3, progress=False)
    assert capfd.readouterr() == ("", "")


SLOW_EPOCH = """
import time
from tinytorch.core.layers import Linear
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD
from tinytorch.core.tensor import Tensor
from tinytorch.core.training import CosineSchedule, Trainer

class Slow:
    def __len__(self): return 7
    def __iter__(self):
        for _ in range(7):
            time.sleep(0.2)
            yield Tensor([[1, 2]]), Tensor([0])

model = Linear(2, 2)
loss = Trainer(model, SGD(model.parameters()), CrossEntropyLoss(), progress=PROGRESS).train_epoch(Slow())
"""


@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_shows_on_a_terminal(progress):
    fcntl, termios = (pytest.importorskip(name, reason="a terminal to write to needs Linux or macOS")
                      for name in ("fcntl", "termios"))
    terminal, its_end = os.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([sys.executable, "-c", SLOW_EPOCH.replace("PROGRESS", str(progress))
                    + "\nprint('done', flush=True)"], stdout=its_end, stderr=its_end, check=True)
    os.close(its_end)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert (("train:" in shown and "/7" in shown) == progress and shown.rstrip().endswith("done")
            and (progress or shown.strip() == "done"))


def test_a_bar_shows_in_a_notebook():
    nbformat = pytest.importorskip("nbformat",
                                   reason="notebooks need nbformat: pip install nbformat nbclient ipykernel")
    nbclient = pytest.importorskip("nbclient",
                                   reason="notebooks need nbclient: pip install nbformat nbclient ipykernel")
    cells = [nbformat.v4.new_code_cell(SLOW_EPOCH.replace("PROGRESS", progress)) for progress in ("True", "False")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    on, off = ("".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells)
    assert "train:" in on and "/7" in on and off == ""


def test_training_works_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert len(digits(epochs=2, progress=True)[3]) == 2


def test_every_operation_says_what_it_does():
    for name in ("sum", "mean", "max", "__add__", "__rsub__", "__mul__", "__truediv__", "__rpow__"):
        assert (getattr(Tensor, name).__name__ == name
                and name.strip("_").removeprefix("r") in getattr(Tensor, name).__doc__)
    kinds = (ReLU, Sigmoid, Tanh, GELU, Softmax, CrossEntropyLoss, MSELoss, BinaryCrossEntropyLoss)
    assert (all("Tensor" in kind.forward.__doc__ for kind in kinds)
            and all(kind.step.__doc__ and kind.zero_grad.__doc__ for kind in (SGD, Adam)))


def test_importing_the_capstone_needs_nothing_slow():
    watched = ("tqdm", "rich", "jsonschema", "matplotlib", "tempfile", "subprocess", "importlib.metadata",
               "numpy.random", "tinytorch.core.autograd")
    code = f"import sys, numpy, platform, {{}}; print([m for m in {watched} if m in sys.modules])"
    with_it, without = (subprocess.run([sys.executable, "-c", code.format(module)], capture_output=True, text=True,
                                       check=True).stdout for module in ("tinytorch.olympics", "sys"))
    assert with_it == without


# Names that other versions have

def test_aliases_of_tensor_methods():
    x = array(2, 3, 4)
    t = Tensor(x)
    assert (np.array_equal(t.view(4, -1).data, x.reshape(4, 6)) and np.array_equal(t.view((24,)).data, x.ravel())
            and t.numel() == t.size == 24)
    turned = t.transpose().contiguous()
    assert (turned.data.flags.c_contiguous and np.array_equal(turned.data, x.swapaxes(1, 2))
            and not t.transpose().data.flags.c_contiguous)
    assert Tensor(3).contiguous().shape == () and Tensor(3).numel() == 1


@pytest.mark.parametrize("mask", [np.eye(3, 4), np.eye(3, 4, dtype=bool), Tensor(np.eye(3, 4)), [[0, 1, 0, 2]] * 3],
                         ids=["float", "bool", "Tensor", "list"])
def test_masked_fill_against_numpy(mask):
    x = array(2, 3, 4)
    kept = x.copy()
    where = np.asarray(mask.data if isinstance(mask, Tensor) else mask) != 0
    for value in (-np.inf, 0, 2.5):
        filled = Tensor(x).masked_fill(mask, value)
        assert np.array_equal(filled.data, np.where(where, np.float32(value), x)) and filled.dtype == np.float32
    assert np.array_equal(x, kept)
    refused(ValueError, lambda: Tensor(x).masked_fill(np.zeros((3, 5)), 0), "masked_fill", "(2, 3, 4)", "(3, 5)")


def test_a_dataset_of_ones_own():
    class Squares(Dataset):
        def __len__(self): return 5
        def __getitem__(self, i): return (Tensor(np.asarray(i) ** 2),)
    assert ([X.data.tolist() for X, in DataLoader(Squares(), 2)] == [[0, 1], [4, 9], [16]]
            and isinstance(TensorDataset([1]), Dataset))
    refused(NotImplementedError, lambda: len(Dataset()), "Dataset", "__len__")
    refused(NotImplementedError, lambda: Dataset()[0], "Dataset", "__getitem__")


def test_cosine_schedule():
    schedule = CosineSchedule()
    assert (schedule.max_lr, schedule.min_lr, schedule.total_epochs) == (0.1, 0.01, 100)
    rates = [CosineSchedule(1.0, 0.2, 4).get_lr(epoch) for epoch in (-1, 0, 1, 2, 3, 4, 9)]
    root = 0.5**0.5
    assert rates == pytest.approx([1, 1, 0.6 + 0.4 * root, 0.6, 0.6 - 0.4 * root, 0.2, 0.2])
    for wrong in ((0.1, 0.2), (0.1, -0.1), (float("inf"), 0), (float("nan"), 0), (0.1, 0.01, 0)):
        refused(ValueError, lambda: CosineSchedule(*wrong), "CosineSchedule: got max_lr", "min_lr <= max_lr")
    assert CosineSchedule(0.1, 0.1, 1).get_lr(5) == 0.1


def test_aliases_of_profiler_and_report():
    from tinytorch.olympics import BenchmarkReport
    from tinytorch.perf.profiling import Profiler

    model, X = SimpleMLP(), Tensor(array(5, 10))
    with Profiler() as profiler: assert profiler.count_parameters(model) == 283
    with pytest.raises(KeyError), Profiler(): raise KeyError("comes through")
    samples = BenchmarkReport().measure_latency(model, X, 7)
    assert (len(samples) == 7 and all(type(ms) is float and ms > 0 for ms in samples)
            and len(BenchmarkReport().measure_latency(model, X)) == 100)
    assert BenchmarkReport().measure_memory(model) == 283 * 4 / 2**20
