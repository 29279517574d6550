"What strangers wrote, as people read it."
import pytest

from tinytorch_grader.visible import visible


@pytest.mark.parametrize("text, seen", [
    ("a\u202eb\u200bc\xad", r"a\u202eb\u200bc\xad"), ("\U000e0041\ufeff\u2028", r"\U000e0041\ufeff\u2028"),
    ("\x00\x1b[31mred\x1b]0;title\x07\x9b\r\x1b", r"\x00red\x9b\r\x1b"), ("\ud800", "?"),
    ("\n\t ü 100 µs", "\n\t ü 100 µs"),
    # letters and pictures are left whole, and what is no part of them is not
    ("می\u200cخواهم", "می\u200cخواهم"), ("👁\ufe0f\u200d🗨\ufe0f 1\ufe0f\u20e3", "👁\ufe0f\u200d🗨\ufe0f 1\ufe0f\u20e3"),
    ("pay\u200cpal é\u200d\u200d \u200d", "pay\\u200cpal é\u200d\\u200d \\u200d")])
def test_what_nobody_sees_is_written_out(text, seen):
    assert visible(text) == seen == visible(seen)


def test_a_notebook_keeps_its_colours_and_progress():
    assert visible("\x1b[31m50 %\r100 %\b\u202e", "\b\r\x1b") == "\x1b[31m50 %\r100 %\b\\u202e"
