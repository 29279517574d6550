"""Generation with and without the cache: the cost of a token along the text, and tokens/s for a whole context."""
from time import perf_counter

import bench_forward  # noqa: F401  first: it keeps the BLAS to one thread
import numpy as np

from tinytorch.core.transformers import GPT
from tinytorch.perf.memoization import disable_kv_cache, enable_kv_cache

CONTEXT, PASSES = 256, 7
# last eighth of the context beside the first, cached; a whole context, uncached beside cached
GROWTH, SPEEDUP = 1.5, 5.0


def seconds_a_token(model):
    "Time of each token of a whole context, the least of some passes, and the tokens."
    rows, inner = [], model.lm_head.forward

    def noted(x):
        times.append(perf_counter())
        return inner(x)
    for _ in range(PASSES):
        times, model.lm_head.forward = [], noted  # called once a token
        written = model.generate([[0]], CONTEXT - 1, temperature=0)
        rows.append(np.diff(times))
    del model.lm_head.forward
    return np.min(rows, axis=0), written.data


def growth(seconds):
    eighth = len(seconds) // 8
    return seconds[-eighth:].mean() / seconds[:eighth].mean()


def main():
    np.random.seed(0)
    model = GPT(vocab_size=61, embed_dim=128, num_layers=4, num_heads=4, max_seq_len=CONTEXT)
    plain, written = seconds_a_token(model)
    enable_kv_cache(model)
    cached, again = seconds_a_token(model)
    disable_kv_cache(model)
    assert np.array_equal(written, again), "the cache changed the text"
    print(f"{model}: tokens/s {1 / plain.mean():.0f} without the cache, {1 / cached.mean():.0f} with it")
    found = float(growth(cached)), float(plain.sum() / cached.sum())
    print(f"cost of a token, last eighth of {CONTEXT} beside the first: without {growth(plain):.1f}, with "
          f"{found[0]:.2f} " f"(target {GROWTH}: {'met' if found[0] <= GROWTH else 'MISSED'})")
    print(f"a whole context: {found[1]:.1f} times sooner (target {SPEEDUP}: "
          f"{'met' if found[1] >= SPEEDUP else 'MISSED'})")


if __name__ == "__main__":
    main()
