"""ReLU, and no other activation."""
import numpy as np

from tinytorch.core.tensor import Tensor


class ReLU:
    def forward(self, x): return Tensor(np.maximum(x.data, 0))
    def __call__(self, x): return self.forward(x)
    def parameters(self): return []
