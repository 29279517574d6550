"""A courtesy seal: hidden checks travel so that nobody reads them by accident.

Threat: a student opens the file and sees the tests. It is no lock: the key is in this file, and whoever wants to
read the checks can. The grade is the instructor's run with fresh random inputs.
"""
import hashlib
import zlib

KEY = b"TinyTorch capstone: a courtesy seal. Please write your own answers first."


def _keystream(length):
    "`length` bytes that depend on KEY alone."
    return b"".join(hashlib.sha256(KEY + block.to_bytes(8, "big")).digest()
                    for block in range(-(-length // 32)))[:length]


def _mixed(data):
    "`data` xor the key stream; its own inverse."
    return (int.from_bytes(data, "big") ^ int.from_bytes(_keystream(len(data)), "big")).to_bytes(len(data), "big")


def seal(text):
    "`text` as sealed bytes."
    return _mixed(zlib.compress(text.encode("utf-8"), 9))


def unseal(data):
    "The text in sealed `data`; `ValueError` when it is something else."
    try:
        return zlib.decompress(_mixed(data)).decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        raise ValueError("the sealed checks are damaged: install the wheel of your course's repository again") from None
