"""A Tensor without gradients whose `shape` is what it was at birth, also after `.data` was replaced."""
import operator

import numpy as np


class Tensor:
    def __init__(self, data, requires_grad=False):
        self.data = np.array(data.data if isinstance(data, Tensor) else data, dtype=np.float32)
        self.requires_grad, self.grad = requires_grad, None
        self.shape, self.size, self.ndim, self.dtype = self.data.shape, self.data.size, self.data.ndim, self.data.dtype

    def matmul(self, other):
        if not isinstance(other, Tensor): raise TypeError(f"matmul of Tensor and {type(other).__name__}")
        if self.data.shape[-1] != other.data.shape[0]:
            raise ValueError(f"matmul: {self.data.shape} and {other.data.shape}")
        return Tensor(np.dot(self.data, other.data))

    def __getitem__(self, key): return Tensor(self.data[key])
    def __matmul__(self, other): return self.matmul(other)
    def reshape(self, *shape): return Tensor(self.data.reshape(*shape))
    def transpose(self, *axes): return Tensor(self.data.transpose(*axes))
    def sum(self, axis=None, keepdims=False): return Tensor(self.data.sum(axis=axis, keepdims=keepdims))
    def mean(self, axis=None, keepdims=False): return Tensor(self.data.mean(axis=axis, keepdims=keepdims))
    def max(self, axis=None, keepdims=False): return Tensor(self.data.max(axis=axis, keepdims=keepdims))
    def numpy(self): return self.data


def _forms(compute):
    "The method and its reflected form."
    def forward(self, other): return Tensor(compute(self.data, other.data if isinstance(other, Tensor) else other))
    def reflected(self, other): return Tensor(compute(other, self.data))
    return forward, reflected


for name in ("add", "sub", "mul", "truediv", "pow"):
    forward, reflected = _forms(getattr(operator, name))
    setattr(Tensor, f"__{name}__", forward)
    setattr(Tensor, f"__r{name}__", reflected)
