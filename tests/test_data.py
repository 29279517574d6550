"""The digits, the weights trained on them, and the text: the files in the package are those their scripts make."""
import importlib.util
import shutil
import zipfile
import zipimport

import numpy as np
import pytest
from conftest import ROOT

from tinytorch.datasets import load_digits, load_digits_mlp, load_text


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "src" / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_script_reproduces_the_file_bit_for_bit():
    script = load_script("digits")
    assert script.make() == script.PATH.read_bytes()


def test_split_is_fixed_and_stratified():
    X_train, y_train, X_test, y_test = load_digits()
    assert X_train.shape == (1442, 64) and X_test.shape == (355, 64)
    assert X_train.dtype == np.float32 and y_test.dtype == np.int64
    assert 0 <= X_train.min() and X_train.max() == 1
    assert np.abs(np.bincount(y_test) / np.bincount(y_train) - 0.25).max() < 0.01


@pytest.mark.parametrize("load", [load_digits, load_digits_mlp, load_text])
def test_another_file_is_refused(tmp_path, load):
    (tmp_path / "digits.npz").write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256"):
        load(tmp_path / "digits.npz")


def test_they_are_read_from_a_package_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "tinytorch.zip", "w") as file:
        for path in (ROOT / "tinytorch" / "__init__.py", ROOT / "tinytorch" / "datasets.py",
                     *(ROOT / "tinytorch" / "data").glob("*.npz")):
            file.write(path, path.relative_to(ROOT))
    spec = zipimport.zipimporter(str(tmp_path / "tinytorch.zip" / "tinytorch")).find_spec("datasets")
    spec.loader.exec_module(zipped := importlib.util.module_from_spec(spec))
    for theirs, ours in ((zipped.load_digits(), load_digits()), (zipped.load_digits_mlp(), load_digits_mlp())):
        assert all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))
    assert zipped.load_text() == load_text()
    with pytest.raises(FileNotFoundError): load_digits(tmp_path / "none.npz")


def forward(weights, X):
    W1, b1, W2, b2 = weights
    return np.maximum(X @ W1 + b1, 0) @ W2 + b2


def test_weights_have_the_layers_of_the_capstone_and_read_unseen_digits():
    _, _, X_test, y_test = load_digits()
    weights = load_digits_mlp()
    assert [(w.shape, w.dtype) for w in weights] == [(s, np.float32) for s in ((64, 32), (32,), (32, 10), (10,))]
    assert np.mean(forward(weights, X_test).argmax(axis=1) == y_test) >= 0.95


def test_script_trains_the_weights_again(monkeypatch):
    "Equal up to what another BLAS rounds differently; the file itself is held by its SHA-256."
    monkeypatch.syspath_prepend(ROOT / "src" / "scripts")
    _, _, X_test, y_test = load_digits()
    script = load_script("weights")
    model, accuracy = script.train()
    assert accuracy >= 0.95
    ours = forward([p.data for p in model.parameters()], X_test).argmax(axis=1)
    assert np.mean(ours == forward(load_digits_mlp(), X_test).argmax(axis=1)) >= 0.98


def test_weights_say_where_they_come_from():
    with np.load(ROOT / "tinytorch" / "data" / "digits_mlp.npz", allow_pickle=False) as data:
        assert str(data["provenance"]) == load_script("weights").PROVENANCE


@pytest.mark.skipif(not shutil.which("bible"), reason="needs Debian's package bible-kjv")
def test_script_makes_the_text_again_bit_for_bit(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "src" / "scripts")
    script = load_script("text")
    assert script.make() == script.PATH.read_bytes()


def test_text_is_split_once_and_says_where_it_comes_from():
    train, test = load_text()
    assert (train.startswith("In the beginning God created the heaven and the earth.\n")
            and test.endswith("in a coffin in Egypt.\n"))
    assert (train + test).count("\n") == 1533 and set(test) < set(train) and 0.1 < len(test) / len(train + test) < 0.11
    with np.load(ROOT / "tinytorch" / "data" / "genesis.npz", allow_pickle=False) as data:
        assert "public domain" in str(data["provenance"]) and "unrestricted use" in str(data["provenance"])
