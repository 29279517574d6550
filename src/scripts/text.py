"""Make `tinytorch/data/genesis.npz` from Debian's copy of the King James Bible, bit for bit the same each time.

Source: Genesis in the King James Version (1611), whose copyright has expired; the packages bible-kjv and bible-kjv-text
(`apt-get install bible-kjv`) hold it. The same translation is `bible.txt` in the Canterbury corpus.
"""
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from digits import npz_bytes

PATH = Path(__file__).resolve().parents[2] / "tinytorch" / "data" / "genesis.npz"
FIRST_TEST_CHAPTER = 46
PROVENANCE = """Genesis, King James Version (1611), in the public domain: its copyright has expired.
From Debian's packages bible-kjv and bible-kjv-text 4.38, the Bible Retrieval System of Chip Chapin (Hewlett Packard \
Company, 1989-1993):
"This file is provided for unrestricted use provided that this legend is included on all tape media and as a part of the
software program in whole or part. Users may copy, modify or distribute this file at will."
Changed: one verse a line, without its number; chapters 46 to 50 are the test part."""


def verses():
    "(chapter, text) of each verse, in order."
    lines = subprocess.run(["bible", "-f", "gen1:1-gen50:26"], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    found = [re.fullmatch(r"Ge(\d+):\d+ (.+)", line) for line in lines if line.strip()]
    return [(int(verse[1]), verse[2].strip()) for verse in found]


def make():
    "The bytes of `genesis.npz`, made with Debian's command `bible`."
    parts = {"train": "", "test": ""}
    for chapter, text in verses():
        parts["test" if chapter >= FIRST_TEST_CHAPTER else "train"] += text + "\n"
    arrays = {name: np.frombuffer(text.encode("ascii"), np.uint8) for name, text in parts.items()}
    return npz_bytes(**arrays, provenance=np.array(PROVENANCE))


if __name__ == "__main__":
    data = make()
    PATH.write_bytes(data)
    print(f"{PATH}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}", file=sys.stderr)
