"""The digits: the file in the package is the one its script makes, and the split is fixed and stratified."""
import importlib.util

import numpy as np
import pytest

from conftest import ROOT
from tinytorch.datasets import load_digits


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


def test_another_file_is_refused(tmp_path):
    (tmp_path / "digits.npz").write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256"):
        load_digits(tmp_path / "digits.npz")
