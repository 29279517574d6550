"""Attention, GELU, a Transformer block: beside the same arithmetic written out in NumPy,
and beside PyTorch's eager call where it is installed."""
import bench_forward  # first: it keeps the BLAS to one thread
import numpy as np

from tinytorch.core.activations import GELU
from tinytorch.core.attention import MultiHeadAttention, scaled_dot_product_attention
from tinytorch.core.autograd import no_grad
from tinytorch.core.tensor import Tensor
from tinytorch.core.transformers import TransformerBlock

SIZES = [(1, 16, 32, 4), (1, 64, 64, 4)]  # B, T, D, heads
TARGET = 1.3


def attend(q, k, v, may_look):
    "softmax(q k^T / sqrt(d)) v by hand, of arrays."
    scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(q.shape[-1]))
    scores = np.where(may_look, scores, np.float32(-1e9))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v


def multi_head(x, layer, may_look):
    "`MultiHeadAttention` by hand: the same arrays, no tensors."
    B, T, D = x.shape
    q, k, v = ((x @ p.weight.data + p.bias.data).reshape(B, T, layer.num_heads, -1).swapaxes(1, 2)
               for p in (layer.q_proj, layer.k_proj, layer.v_proj))
    out = attend(q, k, v, may_look).swapaxes(1, 2).reshape(B, T, D)
    return out @ layer.out_proj.weight.data + layer.out_proj.bias.data


def layer_norm(x, layer):
    d = x - x.mean(axis=-1, keepdims=True)
    return (d / np.sqrt((d * d).mean(axis=-1, keepdims=True) + np.float32(layer.eps)) * layer.gamma.data
            + layer.beta.data)


def gelu(h):
    "GELU's tanh form without a power: x * x * x, which float32 multiplies many times sooner."
    return np.float32(0.5) * h * (1 + np.tanh(np.float32(0.7978845608) * (h + np.float32(0.044715) * h * h * h)))


def block_by_hand(x, block, may_look):
    "`TransformerBlock` by hand."
    x = x + multi_head(layer_norm(x, block.ln1), block.attention, may_look)
    first, second = block.mlp.linear1, block.mlp.linear2
    h = gelu(layer_norm(x, block.ln2) @ first.weight.data + first.bias.data)
    return x + h @ second.weight.data + second.bias.data


def beside_numpy(title, ours, by_hand):
    assert ours().node and np.allclose(ours().data, by_hand(), atol=1e-3), title
    bench_forward.report(f"{title}, gradients recorded", ("tinytorch", "numpy"),
                         bench_forward.interleaved(ours, by_hand), TARGET)
    with no_grad():
        bench_forward.report(f"{title}, no_grad", ("tinytorch", "numpy"), bench_forward.interleaved(ours, by_hand),
                             TARGET)


def beside_torch(torch, B, T, D, heads, x):
    "Our block and PyTorch's encoder layer of the same sizes; no promise, a comparison."
    block, mask = TransformerBlock(D, heads), np.tri(T, dtype=bool)
    twin = torch.nn.TransformerEncoderLayer(D, heads, 4 * D, 0.0, lambda x: torch.nn.functional.gelu(
        x, approximate="tanh"), batch_first=True, norm_first=True).eval()
    torch_x, hidden, tensor = torch.tensor(x), torch.tensor(~mask), Tensor(x)
    with torch.inference_mode(), no_grad():
        samples = bench_forward.interleaved(lambda: block.forward(tensor, mask), lambda: twin(torch_x, hidden))
    ratio = float(np.median(samples[0] / samples[1]))
    print(f"block B{B} T{T} D{D}: tinytorch {np.median(samples[0]) / 1e3:.1f} us, torch eager "
          f"{np.median(samples[1]) / 1e3:.1f} us, ratio {ratio:.2f} (no target)")


def main():
    rng = np.random.default_rng(0)
    for B, T, D, heads in SIZES:
        x, mask = rng.normal(size=(B, T, D)).astype(np.float32), np.tri(T, dtype=bool)
        tensor, layer, block = Tensor(x), MultiHeadAttention(D, heads), TransformerBlock(D, heads)
        wanted = Tensor(x, requires_grad=True)
        beside_numpy(f"attention B{B} T{T} D{D}", lambda: scaled_dot_product_attention(wanted, wanted, wanted, mask)[0],
                     lambda: attend(x, x, x, mask))
        beside_numpy(f"multi-head attention B{B} T{T} D{D} h{heads}", lambda: layer.forward(tensor, mask),
                     lambda: multi_head(x, layer, mask))
        beside_numpy(f"block B{B} T{T} D{D} h{heads}", lambda: block.forward(tensor, mask),
                     lambda: block_by_hand(x, block, mask))
        hidden = Tensor(rng.normal(size=(T, 4 * D)), requires_grad=True)
        beside_numpy(f"GELU ({T}, {4 * D})", lambda: GELU().forward(hidden), lambda: gelu(hidden.data))
    try:
        import torch
    except ImportError:
        return print("beside PyTorch: not measured, PyTorch is not installed (pip install torch)")
    torch.set_num_threads(1)
    for size in SIZES: beside_torch(torch, *size, rng.normal(size=size[:3]).astype(np.float32))


if __name__ == "__main__":
    main()
