"""A Linear whose parameters know nothing of gradients, and no Sequential."""
import numpy as np

from tinytorch.core.tensor import Tensor


class Linear:
    def __init__(self, in_features, out_features, bias=True):
        self.weight = Tensor(np.random.randn(in_features, out_features) / np.sqrt(in_features))
        self.bias = Tensor(np.zeros(out_features)) if bias else None

    def forward(self, x):
        y = x.matmul(self.weight)
        return y if self.bias is None else y + self.bias

    def __call__(self, x): return self.forward(x)
    def parameters(self): return [self.weight] if self.bias is None else [self.weight, self.bias]
