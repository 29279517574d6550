"""What strangers wrote, with everything in it to be seen: the one function for whatever a person reads.

Threat: a message reads otherwise than it is, by characters without a width, marks of direction, or codes of a
terminal; or it is made so that to clean it takes long.
"""
import functools
import re

CODES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")   # a terminal's
# controls, and what Unicode has without a width, first to last
UNSEEN = ((0, 8), (0xb, 0x1f), (0x7f, 0x9f), (0xad, 0xad), (0x34f, 0x34f), (0x61c, 0x61c), (0x115f, 0x1160),
          (0x17b4, 0x17b5), (0x180b, 0x180f), (0x200b, 0x200b), (0x200e, 0x200f), (0x2028, 0x202e), (0x2060, 0x206f),
          (0x3164, 0x3164), (0xfe00, 0xfe0d), (0xfeff, 0xfeff), (0xffa0, 0xffa0), (0xfff0, 0xfffb),
          (0x1bca0, 0x1bca3), (0x1d173, 0x1d17a), (0xe0000, 0xe0fff))
JOINERS = "\u200c\u200d\ufe0e\ufe0f"   # between the letters of some scripts, and in pictures; unseen anywhere else
STRAY = {joiner: re.compile(f"(?<![^\x00-\x7f\u200c\u200d\ufe0e]){joiner}(?!\u20e3)") for joiner in JOINERS}


def written_out(char): return char.encode("unicode_escape").decode()


@functools.cache
def table(shown):
    return {code: written_out(chr(code)) for first, last in UNSEEN for code in range(first, last + 1)
            if chr(code) not in shown}


def visible(text, shown=""):
    """`text` as UTF-8 and a database can hold it: without a terminal's codes, and with what nobody sees written out,
    as `\\u202e`. The characters `shown` stay; codes stay where ESC is one of them."""
    text = text.encode("utf-8", "replace").decode()
    text = (text if "\x1b" in shown else CODES.sub("", text)).translate(table(shown))
    for joiner, stray in STRAY.items():
        if joiner in text: text = stray.sub("\\" + written_out(joiner), text)
    return text
