"""Options and paths that every test shares."""
import contextlib
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))
with contextlib.suppress(ImportError):   # first: it brings nbformat without a grammar that takes a second
    import tinytorch_grader.gradebook  # noqa: F401


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long suites too (make test-all)")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; runs with --long (make test-all)")


def pytest_collection_modifyitems(config, items):
    # browsers and files of few tests are the long ones: first, so that the workers end together
    size = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.parent.name != "browser", size[item.path], str(item.path)))
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="long: run it with `make test-all`"))
