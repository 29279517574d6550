"""Modules 10 to 13: tokens, embeddings, attention, Transformers, on any text and any shape.
Gradients are in test_gradients.py."""
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tinytorch.core.attention import MultiHeadAttention, scaled_dot_product_attention
from tinytorch.core.embeddings import Embedding, EmbeddingLayer, PositionalEncoding, create_sinusoidal_embeddings
from tinytorch.core.tensor import Tensor
from tinytorch.core.tokenization import BPETokenizer, CharTokenizer
from tinytorch.core.transformers import GPT, MLP, LayerNorm, TransformerBlock, create_causal_mask
from tinytorch.olympics import BenchmarkReport

PROPERTY = settings(max_examples=100, deadline=None, derandomize=True, database=None,
                    suppress_health_check=list(HealthCheck))
ANY_TEXT = st.text(max_size=40) | st.text("ab \n", max_size=40)
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


# tokens

@PROPERTY
@given(corpus=ANY_TEXT, text=ANY_TEXT, extra=st.integers(1, 12))
def test_encode_then_decode_gives_the_text_back(corpus, text, extra):
    known = set(corpus)
    for tokenizer in (CharTokenizer().build_vocab(corpus), BPETokenizer(len(known) + extra).train(corpus)):
        assert tokenizer.decode(tokenizer.encode(corpus)) == corpus
        assert tokenizer.decode(tokenizer.encode(text)) == "".join(c if c in known else UNKNOWN for c in text)
        assert tokenizer.unk_id not in tokenizer.encode(corpus) or UNKNOWN in corpus
        assert all(type(token) is int and 0 <= token < len(tokenizer) for token in tokenizer.encode(text))
    assert len(tokenizer) <= tokenizer.vocab_size and len(set(tokenizer.vocab)) == len(tokenizer)


def slow_merges(corpus, vocab_size):
    "Byte-pair encoding as it is defined: count every pair anew, merge the most frequent, the later one of equals."
    import re
    words = [list(word) for word in re.findall(r"\s?\S+|\s+", corpus)]
    merges, texts = [], set(corpus)
    while len(texts) + 1 < vocab_size:
        pairs = [pair for word in words for pair in zip(word, word[1:])]
        best = max(set(pairs), key=lambda pair: (pairs.count(pair), pair), default=None)
        if best is None or pairs.count(best) < 2: break
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best: word[i:i + 2] = [word[i] + word[i + 1]]
                i += 1
        merges.append(best)
        texts.add("".join(best))
    return merges


@PROPERTY
@given(corpus=st.text("aab c", max_size=60))
def test_merges_are_those_of_the_definition(corpus):
    assert BPETokenizer(15).train(corpus).merges == slow_merges(corpus, 15)


def test_a_list_of_texts_is_a_corpus_and_merges_do_not_cross_them():
    assert CharTokenizer().build_vocab(["ab", "bc"]).vocab == CharTokenizer("abc").vocab
    assert (BPETokenizer(9).train(["ab", "ab"]).merges == [("a", "b")]
            and BPETokenizer(9).train(["a", "b", "a", "b"]).merges == [])


def test_training_again_forgets():
    tokenizer = BPETokenizer(10).train("aaaa")
    tokenizer.encode("bb")
    assert tokenizer.train("bbbb").encode("aa") == [0, 0] and tokenizer.encode("bb") == [tokenizer.token_to_id["bb"]]


@pytest.mark.parametrize("tokens, words", [([3], "0 to 2"), ([-1], "-1"), ([0.5], "0.5"), ([float("nan")], "nan"),
                                           ([[1]], "(1, 1)"), (1, "()"), ("ab", "ab"),
                                           ([3, 4, 0, -1, 9], "[3, 4, -1], shape (5,)")])
def test_wrong_tokens_are_refused(tokens, words):
    with pytest.raises(ValueError, match="decode: got") as error: CharTokenizer("ab").decode(tokens)
    assert words in str(error.value)


@pytest.mark.parametrize("call, kind, words", [
    (lambda: CharTokenizer("aa"), ValueError, "'a' more than once"),
    (lambda: CharTokenizer().build_vocab([1]), TypeError, "int"),
    (lambda: CharTokenizer().encode(None), TypeError, "NoneType"),
    (lambda: BPETokenizer().train([b"a"]), TypeError, "bytes"),
    (lambda: BPETokenizer(2.5), ValueError, "2.5"), (lambda: BPETokenizer(True), ValueError, "True"),
    (lambda: BPETokenizer(3).train("abc"), ValueError, "at least 4")])
def test_tokenizers_say_what_is_wrong(call, kind, words):
    with pytest.raises(kind) as error: call()
    assert words in str(error.value)


# embeddings

@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (2, 3), (0, 4), (3, 0), (2, 1, 3)])
def test_any_shape_of_tokens(shape):
    ids = np.random.default_rng(0).integers(0, 7, shape)
    for x in (ids, Tensor(ids), ids.astype(np.uint8), ids.tolist(), np.asfortranarray(ids)):
        ids = np.asarray(x, int)
        layer = Embedding(7, 3)
        out = layer(x)
        assert (out.shape == (*ids.shape, 3) and out.dtype == np.float32
                and np.array_equal(out.data, layer.weight.data[ids]))
        out.backward(np.ones(out.shape))
        assert np.array_equal(layer.weight.grad[:, 0], np.bincount(ids.ravel(), minlength=7))


@pytest.mark.parametrize("tokens", [[7], [-1], [1.5], [np.nan], [np.inf], [[0, 8]], np.array([2**40]), Tensor([7])])
def test_a_token_that_is_not_in_the_table_is_refused(tokens):
    with pytest.raises(ValueError, match=r"Embedding: got token .*, expected whole numbers from 0 to 6"):
        Embedding(7, 3)(tokens)


@pytest.mark.parametrize("tokens", [["a"], [True], None, [1j]])
def test_what_is_no_number_is_no_token(tokens):
    with pytest.raises(TypeError, match="Embedding: got"): Embedding(7, 3)(tokens)


def test_rows_found_are_a_copy():
    layer = Embedding(3, 2)
    layer([1]).data[:] = 9
    assert not (layer.weight.data == 9).any()


@pytest.mark.parametrize("make, words", [
    (lambda: Embedding(0, 3), "vocab_size=0"), (lambda: Embedding(3, 0), "embed_dim=0"),
    (lambda: Embedding(3, 1.5), "1.5"), (lambda: PositionalEncoding(0, 3), "max_seq_len=0"),
    (lambda: create_sinusoidal_embeddings(3, 0), "embed_dim=0"),
    (lambda: EmbeddingLayer(3, 2, pos_encoding="rotary"), "'rotary'"),
    (lambda: PositionalEncoding(4, 3)(Tensor(np.ones((2, 5, 3)))), "(2, 5, 3)"),
    (lambda: PositionalEncoding(4, 3)(Tensor(np.ones((2, 1, 2)))), "(4, 3)"),
    (lambda: EmbeddingLayer(9, 2, max_seq_len=4)([[1] * 5]), "(1, 5, 2)")])
def test_embeddings_say_what_is_wrong(make, words):
    with pytest.raises(ValueError) as error: make()
    assert words in str(error.value)


@pytest.mark.parametrize("length", [1, 2, 8])
def test_positions_up_to_the_last_one(length):
    layer = EmbeddingLayer(9, 4, max_seq_len=8)
    ids = np.arange(length)[None] % 9
    assert np.allclose(layer(ids).data,
                       layer.token_embedding.weight.data[ids] + layer.pos_encoding.weight.data[:length])


@pytest.mark.parametrize("dim", [1, 2, 7, 16])
def test_sines_are_those_of_the_paper(dim):
    table = create_sinusoidal_embeddings(5, dim).data
    want = [[(np.cos if i % 2 else np.sin)(t / 10000 ** (2 * (i // 2) / dim)) for i in range(dim)] for t in range(5)]
    assert table.shape == (5, dim) and np.allclose(table, want, atol=1e-6)


# attention

def by_definition(q, k, v, mask):
    "Attention with a loop over queries and keys, in float64."
    scores = np.array([[qi @ kj / np.sqrt(len(qi)) for kj in k] for qi in q]).reshape(len(q), len(k))
    weights = np.exp(scores) * (1 if mask is None else mask)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    return weights @ v, weights


@PROPERTY
@given(queries=st.integers(1, 5), keys=st.integers(1, 5), dim=st.integers(1, 4), seed=st.integers(0, 99),
       masked=st.sampled_from([None, bool, float, Tensor]))
def test_attention_is_its_definition(queries, keys, dim, seed, masked):
    rng = np.random.default_rng(seed)
    q, k, v = (rng.normal(size=(n, dim)) for n in (queries, keys, keys))
    mask = None if masked is None else rng.integers(0, 2, (queries, keys))
    out, weights = scaled_dot_product_attention(Tensor(q), Tensor(k), Tensor(v), None if masked is None
                                                else masked(mask) if masked is Tensor else mask.astype(masked))
    want, want_weights = by_definition(q, k, v, mask)
    assert (np.allclose(out.data, want, atol=1e-5) and np.allclose(weights.data, want_weights, atol=1e-5)
            and out.dtype == np.float32)


def test_large_scores_do_not_overflow():
    big = Tensor([[1e18, 0]])
    out, weights = scaled_dot_product_attention(big, Tensor([[1e18, 0], [0, 1]]), Tensor([[1], [2]]))
    assert weights.data.tolist() == [[1, 0]] and out.data.tolist() == [[1]]


def test_a_mask_for_each_sample_or_for_all():
    layer, x = MultiHeadAttention(4, 2), Tensor(np.random.default_rng(0).normal(size=(3, 5, 4)))
    causal = np.tril(np.ones((5, 5), bool))
    masks = np.stack([causal, causal.T, np.ones((5, 5), bool)])
    rows = [layer(x[i:i + 1], masks[i]).data for i in range(3)]
    assert np.allclose(layer(x, masks).data, np.concatenate(rows), atol=1e-6)
    assert (np.array_equal(layer(x, causal).data, layer(x, causal[None]).data)
            and np.array_equal(layer(x, causal).data, layer(x, causal[None, None]).data))


def test_attention_leaves_its_inputs_alone():
    q, k, v = (Tensor(np.random.default_rng(0).normal(size=(2, 3, 4))) for _ in "qkv")
    mask, before = np.tril(np.ones((3, 3), bool)), [x.data.copy() for x in (q, k, v)]
    scaled_dot_product_attention(q, k, v, mask)
    assert all(np.array_equal(x.data, was) for x, was in zip((q, k, v), before)) and mask.sum() == 6


@pytest.mark.parametrize("shapes, mask", [(((2, 3), (4, 5), (4, 5)), None), (((2, 3), (4, 3), (5, 3)), None),
                                          (((3,), (3,), (3,)), None), (((2, 3, 4), (3, 3, 4), (3, 3, 4)), None),
                                          (((2, 3), (4, 3), (4, 3)), (2, 5)), (((2, 3), (4, 3), (4, 3)), (7, 2, 4)),
                                          (((2, 0), (2, 0), (2, 0)), None)])
def test_attention_names_the_shapes(shapes, mask):
    tensors = [Tensor(np.ones(shape)) for shape in shapes]
    with pytest.raises(ValueError, match="attention: got Q") as error:
        scaled_dot_product_attention(*tensors, None if mask is None else np.ones(mask))
    assert all(str(shape) in str(error.value) for shape in [*shapes, *([mask] if mask else [])])


def test_a_mask_to_be_added_is_refused():
    x = Tensor(np.ones((1, 2, 4)))
    for mask in (np.triu(np.full((2, 2), -1e9), 1), np.triu(np.full((2, 2), -np.inf), 1), np.full((2, 2), 2)):
        with pytest.raises(ValueError, match="mask: got numbers from .* expected 1 where"):
            MultiHeadAttention(4, 2)(x, np.nan_to_num(mask))


def test_attention_takes_tensors_alone():
    x = np.ones((2, 4), np.float32)
    with pytest.raises(TypeError, match="attention, K: got ndarray"):
        scaled_dot_product_attention(Tensor(x), x, Tensor(x))
    with pytest.raises(TypeError, match="MultiHeadAttention: got ndarray"): MultiHeadAttention(4, 2)(x)
    for shape in ((4,), (2, 5)):
        with pytest.raises(ValueError, match=re.escape(f"got x {shape}, expected (..., T, 4)")):
            MultiHeadAttention(4, 2)(Tensor(np.zeros(shape)))


def test_one_head_is_attention_of_the_whole_embedding():
    layer, x = MultiHeadAttention(4, 1), Tensor(np.random.default_rng(0).normal(size=(2, 3, 4)))
    parts = [getattr(layer, f"{name}_proj")(x) for name in ("q", "k", "v")]
    np.testing.assert_allclose(layer(x).data, layer.out_proj(scaled_dot_product_attention(*parts)[0]).data, atol=1e-6)


@pytest.mark.parametrize("sizes", [(6, 4), (0, 1), (4, 0)])
def test_heads_divide_the_embedding(sizes):
    with pytest.raises(ValueError, match=f"embed_dim={sizes[0]}, num_heads={sizes[1]}"): MultiHeadAttention(*sizes)


# Transformers

def small_gpt(seed=0, vocab=11, length=6):
    np.random.seed(seed)
    return GPT(vocab, 8, 2, 2, max_seq_len=length)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (3, 6), (0, 4), (2, 3), (4,)])
def test_scores_for_every_shape_up_to_the_context(shape):
    model, ids = small_gpt(), np.random.default_rng(0).integers(0, 11, shape)
    scores = model(ids)
    assert scores.shape == (*shape, 11) and scores.dtype == np.float32 and scores.requires_grad
    assert (np.array_equal(model(Tensor(ids)).data, scores.data)
            and np.array_equal(model(ids.tolist() if ids.size else ids).data, scores.data))


@PROPERTY
@given(data=st.data(), length=st.integers(2, 6))
def test_no_position_sees_a_later_one(data, length):
    model, at = small_gpt(), data.draw(st.integers(1, length - 1))
    ids = data.draw(st.lists(st.integers(0, 10), min_size=length, max_size=length))
    changed = [*ids[:at], *((token + 1) % 11 for token in ids[at:])]
    before, after = model([ids]).data[0], model([changed]).data[0]
    assert np.allclose(before[:at], after[:at], atol=1e-6) and (before[at:] != after[at:]).any(axis=1).all()


def test_each_sample_is_alone():
    model, ids = small_gpt(), np.random.default_rng(0).integers(0, 11, (4, 5))
    assert np.allclose(model(ids).data, np.concatenate([model(row[None]).data for row in ids]), atol=1e-6)


def test_every_parameter_learns_and_is_listed_once():
    model = small_gpt()
    model(np.arange(6)[None]).sum().backward()
    parameters = model.parameters()
    assert all(p.grad is not None for p in parameters) and len(set(parameters)) == len(parameters) == 2 + 2 * 16 + 2 + 1
    assert (sum(p.size for p in parameters)
            == 11 * 8 + 6 * 8 + 2 * (4 * (64 + 8) + 2 * 16 + 2 * 4 * 64 + 32 + 8) + 16 + 8 * 11)


@pytest.mark.parametrize("make, words", [
    (lambda: small_gpt()(np.zeros((2, 7), int)), "(2, 7, 8)"), (lambda: small_gpt()([[11]]), "0 to 10"),
    (lambda: LayerNorm(3)(Tensor(np.ones((2, 4)))), "(2, 4)"),
    (lambda: LayerNorm((3, -1)), "(3, -1)"), (lambda: create_causal_mask(-1), "-1"),
    (lambda: create_causal_mask(2.0), "2.0"), (lambda: TransformerBlock(6, 4), "num_heads=4"),
    (lambda: MLP(4)(Tensor(np.ones((2, 3)))), "(2, 3)"),
    (lambda: TransformerBlock(4, 2)(Tensor(np.ones((1, 2, 3)))), "(1, 2, 3)"), (lambda: MLP(4, 0), "out_features=0"),
    (lambda: TransformerBlock(4, 2)(Tensor(np.ones((1, 2, 4))), create_causal_mask(3)), "(1, 3, 3)"),
    (lambda: small_gpt().generate([[]], 1), "(1, 0)"),
    (lambda: small_gpt().generate(3, 1), "()"), (lambda: small_gpt().generate([1], 1.5), "1.5"),
    (lambda: small_gpt().generate([1], 1, float("nan")), "nan")])
def test_transformers_say_what_is_wrong(make, words):
    with pytest.raises(ValueError) as error: make()
    assert words in str(error.value)


def test_generation_ends_in_what_the_model_says_of_the_text_so_far():
    model = small_gpt()
    out = model.generate([[1, 2], [3, 4]], 9, temperature=0).data
    assert out.shape == (2, 11) and out[:, :2].tolist() == [[1, 2], [3, 4]]
    for t in range(2, 11): assert np.array_equal(out[:, t], model(out[:, max(0, t - 6):t]).data[:, -1].argmax(axis=-1))


def test_draws_follow_the_seed_and_the_temperature():
    model = small_gpt()
    model.lm_head.weight.data = model.lm_head.weight.data * 100
    same = [model.generate([1], 40, seed=3).data.tolist() for _ in range(2)]
    np.random.seed(5)
    other = model.generate([1], 40).data.tolist()
    np.random.seed(5)
    assert same[0] == same[1] != other == model.generate([1], 40).data.tolist()
    assert (model.generate([1], 40, temperature=1e-9, seed=0).data.tolist()
            == model.generate([1], 40, temperature=0).data.tolist())
    assert len(set(model.generate([1], 200, temperature=1e6, seed=0).data.tolist())) == 11


def test_nothing_is_recorded_while_writing():
    model = small_gpt()
    assert model.generate([1], 3).node is None and model([[1]]).node is not None


def test_a_report_takes_whole_numbers_and_says_what_to_do_with_scores_at_each_position():
    model, X, y = small_gpt(), Tensor(np.arange(12).reshape(4, 3) % 11), np.array([1, 2, 3, 4])
    with pytest.raises(ValueError, match=r"got shape \(4, 3, 11\), expected \(4, classes\); .* scores\[:, -1\]"):
        BenchmarkReport("gpt").benchmark_model(model, X, y, num_runs=3)

    class Last:
        def forward(self, X): return model.forward(X)[:, -1]
        def parameters(self): return model.parameters()
    report = BenchmarkReport("gpt")
    report.benchmark_model(Last(), X, y, num_runs=3)
    assert report.metrics["accuracy"] == np.mean(model(X).data[:, -1].argmax(axis=1) == y)


def test_what_layers_say_of_themselves():
    assert repr(LayerNorm(4)) == "LayerNorm(4)" and repr(LayerNorm((2, 3))) == "LayerNorm((2, 3))"


@pytest.mark.parametrize("make", [lambda corpus: CharTokenizer().build_vocab(corpus),
                                  lambda corpus: BPETokenizer(300).train(corpus)])
def test_a_corpus_of_something_else_than_texts_is_refused(make):
    with pytest.raises(TypeError, match="got int, expected a str or a list of them"): make(["a", 3])


@pytest.mark.parametrize("size", [7, 9])
def test_attention_refuses_vectors_of_another_size(size):
    with pytest.raises(ValueError, match="MultiHeadAttention: got x .*, 8"):
        MultiHeadAttention(8, 2)(Tensor(np.zeros((1, 3, size))))

