"""Options and paths that every test shares."""
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long suites too (make test-all)")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; runs with --long (make test-all)")


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: item.path.parent.name != "browser")  # the longest files first, so that two workers end together
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="long: run it with `make test-all`"))
