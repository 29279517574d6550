"""Convolution forward beside the same arithmetic in plain NumPy,
and beside PyTorch's eager call where it is installed; one thread, one run."""
from bench_forward import interleaved, report  # sets one thread before NumPy is loaded  # isort: skip

import numpy as np

from tinytorch.core.autograd import no_grad
from tinytorch.core.spatial import Conv2d
from tinytorch.core.tensor import Tensor

CASES = [((1, 1, 8, 8), 8, 1.3), ((1, 8, 13, 13), 16, 1.3), ((1, 1, 28, 28), 8, 1.5), ((32, 1, 8, 8), 16, 1.3),
         ((32, 16, 4, 4), 32, 1.3)]


def plain_numpy(x, weight, bias):
    "im2col by strides and one matrix product, without a class, a check or a Tensor."
    (B, C, H, W), (out, _, k, _), (b, c, h, w) = x.shape, weight.shape, x.strides
    rows, columns = H - k + 1, W - k + 1

    def forward():
        windows = np.lib.stride_tricks.as_strided(x, (B, C, k, k, rows, columns), (b, c, h, w, h, w))
        y = weight.reshape(out, -1) @ windows.reshape(B, C * k * k, rows * columns)
        return (y + bias[:, None]).reshape(B, out, rows, columns)
    return forward


def beside_numpy(shape, out, target):
    x, layer = Tensor(np.random.default_rng(0).normal(size=shape)), Conv2d(shape[1], out, 3)
    plain = plain_numpy(x.data, layer.weight.data, layer.bias.data)
    assert np.allclose(layer(x).data, plain(), atol=1e-4)
    sides = ("tinytorch", "numpy")
    report(f"{shape} -> {out}, gradients recorded", sides, interleaved(lambda: layer(x), plain), target)
    with no_grad(): report(f"{shape} -> {out}, no_grad", sides, interleaved(lambda: layer(x), plain), target)


def beside_torch(torch, shape, out, _):
    x, layer = Tensor(np.random.default_rng(0).normal(size=shape)), Conv2d(shape[1], out, 3)
    images, weight, bias = (torch.tensor(a) for a in (x.data, layer.weight.data, layer.bias.data))
    with torch.inference_mode(), no_grad():
        assert np.allclose(layer(x).data, torch.nn.functional.conv2d(images, weight, bias).numpy(), atol=1e-4)
        report(f"{shape} -> {out}", ("tinytorch", "torch eager"),
               interleaved(lambda: layer(x), lambda: torch.nn.functional.conv2d(images, weight, bias)), 2)


def main():
    for case in CASES: beside_numpy(*case)
    try:
        import torch
    except ImportError:
        return print("beside PyTorch: not measured, PyTorch is not installed (pip install torch)")
    torch.set_num_threads(1)
    for case in CASES[:3]: beside_torch(torch, *case)


if __name__ == "__main__":
    main()
