"""Module 18: cached generation writes the tokens of uncached generation, for every prompt,
batch and context; mutants of the cache are found."""
import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tinytorch.core.tensor import Tensor
from tinytorch.core.transformers import GPT
from tinytorch.perf.memoization import KVCache, disable_kv_cache, enable_kv_cache
from tinytorch.perf.quantization import quantize_model

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None,
                    suppress_health_check=list(HealthCheck))


def gpt(seed=0, vocab=97, dim=8, layers=2, heads=2, length=6):
    """A GPT that attention decides for, and no two of whose scores are nearly equal:
    the mutants below would pass otherwise."""
    rng, model = np.random.default_rng(seed), GPT(vocab, dim, layers, heads, max_seq_len=length)
    for p in model.parameters(): p.data = rng.normal(size=p.shape).astype(np.float32)
    for block in model.blocks:
        block.attention.out_proj.weight.data *= 20
        block.mlp.linear2.weight.data *= 0.1
    return model


def by_definition(model, prompt, new_tokens):
    "Greedy generation from `forward` alone: the oracle knows neither `generate` nor the cache."
    tokens = np.array(prompt)
    for _ in range(new_tokens):
        scores = model.forward(tokens[:, -model.max_seq_len:]).data[:, -1]
        tokens = np.concatenate([tokens, scores.argmax(axis=-1)[:, None]], axis=1)
    return tokens


def written(model, prompt, new_tokens, **options):
    return model.generate(prompt, new_tokens, **{"temperature": 0, **options}).data


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
@pytest.mark.parametrize("length", range(1, 10))  # the context holds 6
@pytest.mark.parametrize("layers, heads", [(1, 1), (2, 2), (3, 4)])
def test_same_tokens_for_every_prompt_batch_and_context(batch, length, layers, heads):
    model = gpt(layers, layers=layers, heads=heads)
    prompt = np.random.default_rng(length).integers(0, 97, (batch, length))
    for new_tokens in (0, 1, 5, 6, 7, 16):
        want = by_definition(model, prompt, new_tokens)
        for switch in (lambda _: None, enable_kv_cache, enable_kv_cache, disable_kv_cache):
            switch(model)
            assert np.array_equal(written(model, prompt, new_tokens), want), (new_tokens, model.cache)


@PROPERTY
@given(seed=st.integers(0, 10**6), heads=st.sampled_from([1, 2, 4]), layers=st.integers(1, 3),
       context=st.integers(1, 9), batch=st.integers(0, 4), length=st.integers(1, 12), new_tokens=st.integers(0, 20),
       temperature=st.sampled_from([0.0, 0.3, 1.0, 5.0]))
def test_same_tokens_for_any_model(seed, heads, layers, context, batch, length, new_tokens, temperature):
    model = gpt(seed, layers=layers, heads=heads, length=context)
    prompt = np.random.default_rng(seed).integers(0, 97, (batch, length))
    without = written(model, prompt, new_tokens, temperature=temperature, seed=seed)
    enable_kv_cache(model)
    assert np.array_equal(written(model, prompt, new_tokens, temperature=temperature, seed=seed), without)


def test_one_prompt_after_another_leaves_nothing_behind():
    model, rng = gpt(), np.random.default_rng(0)
    enable_kv_cache(model, batch_size=4)
    for batch, length in ((1, 5), (3, 2), (3, 9), (1, 1), (2, 6), (1, 5)):
        prompt = rng.integers(0, 97, (batch, length))
        assert np.array_equal(written(model, prompt, 10), by_definition(model, prompt, 10))


def test_an_interrupted_generation_leaves_nothing_behind():
    model, prompt = gpt(), np.array([[1, 2, 3]])
    enable_kv_cache(model)
    forward, calls = model.blocks[1].forward, []

    def breaks(*arguments):
        calls.append(1)
        if len(calls) == 3: raise KeyboardInterrupt
        return forward(*arguments)
    model.blocks[1].forward = breaks
    with pytest.raises(KeyboardInterrupt): written(model, prompt, 9)
    assert np.array_equal(written(model, prompt, 9), by_definition(model, prompt, 9))


def test_forward_and_gradients_do_not_know_of_the_cache():
    model, ids = gpt(), np.array([[1, 2, 3, 4]])
    want = model(ids).data
    cache = enable_kv_cache(model)
    written(model, ids[:, :2], 3)
    at = cache.seq_pos
    scores = model(ids)
    scores.sum().backward()
    assert (np.array_equal(scores.data, want) and cache.seq_pos == at
            and all(p.grad is not None for p in model.parameters()))


def test_new_weights_are_used_at_once():
    model, prompt = gpt(), np.array([[1, 2, 3]])
    enable_kv_cache(model)
    before = written(model, prompt, 8)
    for p, q in zip(model.parameters(), gpt(seed=9).parameters()): p.data = q.data
    assert (np.array_equal(written(model, prompt, 8), by_definition(model, prompt, 8))
            and not np.array_equal(written(model, prompt, 8), before))


def test_copies_do_not_share_a_cache():
    model = gpt()
    enable_kv_cache(model)
    other = copy.deepcopy(model)
    written(model, [[1, 2, 3]], 2)
    assert other.cache is not model.cache and other.cache.seq_pos == 0


def test_a_quantized_model_writes_the_same_with_and_without():
    model = gpt()
    quantize_model(model)
    assert type(model.blocks[0].mlp.linear1).__name__ == "QuantizedLinear"
    for length in (1, 4, 8):
        prompt = np.random.default_rng(length).integers(0, 97, (2, length))
        disable_kv_cache(model)
        without = written(model, prompt, 10)
        enable_kv_cache(model)
        assert np.array_equal(written(model, prompt, 10), without)


@pytest.mark.parametrize("prompt", [[4, 2], Tensor([4, 2]), np.array([4, 2], np.uint8)])
def test_a_prompt_without_a_batch(prompt):
    model = gpt()
    want = by_definition(model, [[4, 2]], 7)[0]
    enable_kv_cache(model)
    assert np.array_equal(written(model, prompt, 7), want)


# mutants: each mistake is found, and by what

class Sliding(KVCache):
    "When the context is full, drops the oldest row and keeps the others."
    def reset(self, batch_size=None):
        if batch_size is not None or self.seq_pos < self.max_seq_len: return super().reset(batch_size)
        self._room[..., :-1, :] = self._room[..., 1:, :].copy()
        self.seq_pos -= 1
        self._written = [self.seq_pos] * self.num_layers


class Remembering(KVCache):
    "Starts the next prompt where the last one ended."
    def reset(self, batch_size=None):
        if batch_size is None or self.seq_pos == self.max_seq_len or batch_size != self.batch_size:
            super().reset(batch_size)


class OneLayer(KVCache):
    "Keeps the rows of all layers in the place of the first."
    def update(self, layer, key, value):
        super().update(layer, key, value)
        return super().update(0, key, value)


class Swapped(KVCache):
    "Gives values for keys."
    def update(self, layer, key, value): return super().update(layer, key, value)[::-1]


class OneText(KVCache):
    "Keeps the first text of a batch for all."
    def update(self, layer, key, value):
        return super().update(layer, Tensor(np.repeat(key.data[:1], len(key.data), 0)), value)


def agrees(kind, seed):
    "Whether a cache of this kind passes the comparison on one model, several prompts and batches."
    model, rng = gpt(seed), np.random.default_rng(seed)
    model.cache = kind(1, model.max_seq_len, model.num_layers, model.num_heads, 4)
    for batch, length, new_tokens in ((1, 3, 3), (1, 2, 3), (2, 3, 3), (1, 4, 20)):
        prompt = rng.integers(0, 97, (batch, length))
        try:
            if not np.array_equal(written(model, prompt, new_tokens), by_definition(model, prompt, new_tokens)):
                return False
        except (ValueError, IndexError):
            return False
    return True


@pytest.mark.parametrize("mutant", [Sliding, Remembering, OneLayer, Swapped, OneText])
def test_mistakes_are_found(mutant):
    assert all(agrees(KVCache, seed) for seed in range(8))
    assert sum(agrees(mutant, seed) for seed in range(8)) <= 4, "the models are too dull to tell"


# the cache itself

@PROPERTY
@given(steps=st.lists(st.integers(1, 4), max_size=6), layers=st.integers(1, 3), batch=st.integers(1, 3),
       heads=st.integers(1, 3), dim=st.integers(1, 3))
def test_what_was_written_is_read(steps, layers, batch, heads, dim):
    cache, rng = KVCache(batch, 30, layers, heads, dim), np.random.default_rng(0)
    all_rows = rng.normal(size=(layers, 2, batch, heads, 30, dim)).astype(np.float32)
    for count in steps:
        start, end = cache.seq_pos, cache.seq_pos + count
        for i in range(layers):
            key, value = all_rows[i][..., start:end, :]
            got = cache.update(i, Tensor(key), value)
            assert all(np.array_equal(x.data, want[..., :end, :]) for x, want in zip(got, all_rows[i]))
            assert cache.get(i)[0].shape == (batch, heads, start, dim)
        cache.advance(count)
    assert cache.seq_pos == sum(steps)
    usage = cache.get_memory_usage()
    assert usage["total_mb"] * 2**20 == all_rows.nbytes == usage["per_layer_mb"] * layers * 2**20
    assert np.isclose(usage["used_mb"], usage["total_mb"] * sum(steps) / 30)
    cache.reset()
    assert cache.seq_pos == 0 and cache.get(0)[0].shape == (batch, heads, 0, dim)


ROW = np.zeros((2, 3, 1, 4), np.float32)


def test_after_a_reset_each_layer_has_to_write_again():
    cache = KVCache(2, 5, 2, 3, 4)
    for _ in range(2):
        cache.update(0, ROW, ROW)
        with pytest.raises(ValueError, match=r"up to 1; they have up to \[1, 0\]"): cache.advance()
        cache.update(1, ROW, ROW)
        cache.advance()
        cache.reset()


def filled():
    cache = KVCache(2, 2, 2, 3, 4)
    for i in (0, 1): cache.update(i, np.zeros((2, 3, 2, 4)), np.zeros((2, 3, 2, 4)))
    cache.advance(2)
    return cache


@pytest.mark.parametrize("call, words", [
    (lambda: KVCache(1, 0, 1, 1, 1), "max_seq_len=0"), (lambda: KVCache(-1, 4, 1, 1, 1), "batch_size=-1"),
    (lambda: KVCache(1, 4, 1.5, 1, 1), "num_layers=1.5"),
    (lambda: KVCache(True, 4, 1, 1, 1), "batch_size=True"), (lambda: filled().reset(-1), "batch_size=-1"),
    (lambda: filled().get(2), "layer 2"), (lambda: filled().get(-1), "layer -1"),
    (lambda: filled().get(0.5), "layer 0.5"), (lambda: filled().get(True), "layer True"),
    (lambda: filled().update(0, ROW, ROW), "position 2 of 2"),
    (lambda: KVCache(2, 5, 2, 3, 4).update(0, ROW, ROW[..., :2]), "(2, 3, 1, 2)"),
    (lambda: KVCache(2, 5, 2, 3, 4).update(0, ROW[:, :2], ROW[:, :2]), "(2, 3, T, 4) with T up to 5"),
    (lambda: KVCache(2, 5, 2, 3, 4).update(0, ROW[0], ROW[0]), "(3, 1, 4)"),
    (lambda: KVCache(2, 5, 2, 3, 4).advance(), "[0, 0]"), (lambda: filled().advance(-1), "advance(-1)")])
def test_the_cache_says_what_is_wrong(call, words):
    with pytest.raises(ValueError, match="KVCache: got") as error: call()
    assert words in str(error.value)


@pytest.mark.parametrize("thing", [None, 3, np.zeros(3), object()])
def test_only_a_gpt_gets_a_cache(thing):
    with pytest.raises(TypeError, match="enable_kv_cache: got .*, expected a GPT"): enable_kv_cache(thing)
    disable_kv_cache(thing)


def test_disable_frees_the_cache():
    model = gpt()
    assert enable_kv_cache(model) is model.cache and isinstance(model.cache, KVCache)
    disable_kv_cache(model)
    assert model.cache is None
