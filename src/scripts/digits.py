"""Make `tinytorch/data/digits.npz` from scikit-learn's copy of the UCI handwritten digits, bit for bit the same each
time.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
doi 10.24432/C50P49, CC BY 4.0; scikit-learn ships its test part (1797 samples of 8x8 pixels, 0..16) under BSD-3.
"""
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

PATH = Path(__file__).resolve().parents[2] / "tinytorch" / "data" / "digits.npz"
PROVENANCE = """Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning \
Repository, 1998.
doi:10.24432/C50P49, licence CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/).
The copy that scikit-learn ships (BSD-3): 1797 images of 8x8 pixels with values 0..16, labels 0..9.
Changed: stored as uint8, with a fixed stratified split (test: every fifth sample of a class, in order of \
appearance)."""


def stratified_test_mask(y, every=5):
    "True for each `every`-th sample of a class, counted in order of appearance."
    mask = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        mask[np.flatnonzero(y == label)[every - 1::every]] = True
    return mask


def npz_bytes(**arrays):
    "An `.npz` as bytes, uncompressed, with fixed dates and order, so that the same arrays give the same file."
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array), version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1998, 7, 1, 0, 0, 0))
            archive.writestr(info, buffer.getvalue(), zipfile.ZIP_STORED)
    return out.getvalue()


def make():
    "The bytes of `digits.npz`, made from scikit-learn's copy."
    from sklearn.datasets import load_digits

    digits = load_digits()
    return npz_bytes(X=digits.data.astype(np.uint8), y=digits.target.astype(np.uint8),
                     test=stratified_test_mask(digits.target), provenance=np.array(PROVENANCE))


if __name__ == "__main__":
    data = make()
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_bytes(data)
    print(f"{PATH}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}", file=sys.stderr)
