"""The site of `make docs`: whole, without a dead link, without an answer, and readable from the disk."""
import html
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from conftest import ROOT

from tinytorch_grader.release import regions

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install '.[docs]'")
pytestmark = pytest.mark.long
WITHOUT = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)")


@pytest.fixture(scope="module")
def site():
    done = subprocess.run([sys.executable, ROOT / "src" / "scripts" / "website.py"], capture_output=True, text=True,
                          cwd=ROOT,
                          env={**os.environ, "SITE_EXECUTE": "off"})
    assert done.returncode == 0, done.stdout + done.stderr   # Sphinx runs with -W: a warning is an error
    return ROOT / "_build" / "site"


def pages(site):
    return {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_no_link_is_dead(site):
    texts, dead = pages(site), []
    ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    for path, text in texts.items():
        for target in re.findall(r'(?:href|src)="([^"]+)"', text):
            url = urlsplit(target)
            if url.scheme or url.netloc or not (url.path or url.fragment): continue
            file = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not file.exists() or url.fragment and file in ids and unquote(url.fragment) not in ids[file]:
                dead.append(f"{path.relative_to(site)}: {target}")
    assert len(texts) > 25 and not dead, dead[:20]


def test_nothing_is_loaded_from_a_network(site):
    loads = re.compile(r'<(?:script|img|iframe|link)\b[^>]*(?:src|href)="(?:https?:)?//[^"]*"[^>]*>')
    found = {str(path.relative_to(site)): tag for path, text in pages(site).items() for tag in loads.findall(text)
             if 'rel="canonical"' not in tag}
    assert not found, found


def test_the_lesson_has_no_answer(site):
    lesson = (site / "lesson.html").read_text(encoding="utf-8")
    cells = nbformat.read(ROOT / "20_capstone.ipynb", as_version=4).cells
    secret, shown = regions(nbformat.from_dict({"cells": cells}))
    shown = "\n".join(shown)
    hidden = {line.strip() for _, _, lines in secret for line in lines if len(line.strip()) > 24
              and line.strip() not in shown}
    plain = html.unescape(re.sub(r"<[^>]+>", "", lesson))
    assert len(hidden) > 100 and not WITHOUT.search(plain)
    assert not [line for line in hidden if line in plain]


def test_the_reference_has_signatures_shapes_and_commands(site):
    api = re.sub(r"<[^>]+>", "", (site / "api.html").read_text(encoding="utf-8"))
    for words in ("benchmark_model(model: object, X_test: Tensor", "samples, (n, features)", "compare_latency(",
                  "class tinytorch.core.spatial.Conv2d",
                  "class tinytorch.core.layers.Linear"):
        assert words in api, words
    command = (site / "command.html").read_text(encoding="utf-8")
    for name in ("grade", "release", "compare", "feedback"): assert f'id="capstone-{name}"' in command, name


def test_every_page_of_docs_is_in_the_site(site):
    for path in Path(ROOT / "docs").glob("*.md"): assert (site / f"{path.stem}.html").exists(), path.name
