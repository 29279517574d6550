"""A JupyterLab on loopback and a Chromium that looks at it, as the people of the browser journeys meet them."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT

SHOTS = ROOT / "_build" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync"]
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: run `make system`, or install chromium")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def jupyterlab(folder, home, python=sys.executable, port=None, **environment):
    "The address of a JupyterLab without token that serves `folder` with `home` as home; its log is home/lab.log."
    port = port or free_port()
    path = os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    home.mkdir(exist_ok=True)
    # as Binder's profile does: a terminal is a login shell
    (home / ".bash_profile").write_text(f"export PATH={path}\n")
    environment = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "SHELL": "/bin/bash", "OMP_NUM_THREADS": "1",
                   "OPENBLAS_NUM_THREADS": "1", **environment}
    options = ["--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               "--ServerApp.allow_root=True", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen([python, "-m", "jupyterlab", *options], cwd=folder, env=environment, stdout=log,
                                  stderr=log)
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
        try:
            while True:
                try:
                    urllib.request.urlopen(f"{address}/api/status", timeout=5)
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(
                            f"JupyterLab did not start: {(home / 'lab.log').read_text()[-2000:]}") from None
                    time.sleep(0.1)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:  # it waits for a browser that is gone
                server.kill()
                server.wait()


def quiet(home):
    "Answer JupyterLab's question about news, as postBuild does for Binder."
    settings = (home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
                / "notification.jupyterlab-settings")
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false"}')
    return home


@contextmanager
def chromium():
    "A headless Chromium with an empty home of its own."
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS,
                                             env={**os.environ, "HOME": home})
        yield browser
        browser.close()


@contextmanager
def page_of(browser, ignore=(), **options):
    "A page of its own cookies and storage; an error in its scripts that is not in `ignore` fails the test."
    errors = []
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options})
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: errors.extend({str(error)} - set(ignore)))
    yield page
    context.close()
    assert not errors, errors


def shot(page, name):
    "Keep a screenshot in _build/screenshots/."
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def accept(page):
    "Press the default button of a dialog."
    page.locator(".jp-Dialog-button.jp-mod-accept").click()
    page.locator(".jp-Dialog").wait_for(state="detached")


def menu(page, *names):
    "Choose from the menu bar."
    page.locator(".lm-MenuBar-itemLabel").get_by_text(names[0], exact=True).click()
    for name in names[1:]:
        page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).click()


class Notebook:
    """A notebook open in a JupyterLab page. Cells are found by grade_id;
    what a person does is done by mouse and keyboard."""
    def __init__(self, page, address=None, path=None):
        self.page = page
        if address:
            page.goto(f"{address}/lab/tree/{path}?reset")  # no workspace of the page before
        page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first.wait_for()
        self.wait()

    def js(self, expression, argument=None):
        "The value of `expression`, in which `notebook`, `panel`, `id` and `find` (grade_id -> index) are known."
        return self.page.evaluate("""async id => {
            const panel = window.jupyterapp.shell.currentWidget, notebook = panel.content;
            const find = id => notebook.widgets.findIndex(cell => cell.model.getMetadata('nbgrader')?.grade_id === id);
            return await (%s);
        }""" % expression, argument)

    def wait(self):
        "Until the kernel has nothing left to do."
        self.page.wait_for_function("""() => {
            const panel = window.jupyterapp?.shell.currentWidget;
            return panel?.sessionContext?.session?.kernel?.status === 'idle'
                && !panel.content.widgets.some(cell => cell.model.executionState === 'running');
        }""")

    def show(self, where):
        "Scroll to the cell with this grade_id or index, and select it; returns its locator."
        index = self.js("find(id)", where) if isinstance(where, str) else where
        self.js("(notebook.activeCellIndex = id, notebook.deselectAll(), notebook.mode = 'command', "
                "notebook.scrollToItem(id, 'center'))", index)
        cell = self.page.locator(f'.jp-Notebook > * .jp-Cell[data-windowed-list-index="{index}"]')
        cell.wait_for()
        return cell

    def run(self, where):
        "Select a cell, run it by keyboard; returns the text of its outputs."
        cell = self.show(where)
        self.page.locator(".jp-Notebook").first.focus()
        self.page.keyboard.press("Control+Enter")
        self.wait()
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())

    def type_over(self, where, old, *lines):
        "Click on the line of a cell that holds `old`, and type `lines` in its place."
        line = self.show(where).locator(".cm-line", has_text=old).first
        line.click()
        self.page.keyboard.press("Home")
        self.page.keyboard.press("Shift+End")
        for number, text in enumerate(lines):
            if number:
                self.page.keyboard.press("Enter")
            self.page.keyboard.type(text)
        self.page.keyboard.press("Escape")

    def save(self):
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")

    def before(self, where):
        "Indices of the code cells that have not run and stand before a cell."
        return self.js("notebook.widgets.flatMap((cell, i) => i < find(id) && cell.model.type === 'code' && "
                       "!cell.model.executionCount ? [i] : [])", where)

    def validate(self):
        "Click nbgrader's Validate button; returns what its dialog says."
        self.page.locator(".jp-NotebookPanel-toolbar").get_by_text("Validate").click()
        said = self.page.locator(".jp-Dialog-content").inner_text()
        accept(self.page)
        return said


class Terminal:
    "A new terminal in a JupyterLab page."
    def __init__(self, page):
        self.page, self.ran = page, 0
        menu(page, "File", "New", "Terminal")
        page.locator(".jp-Terminal .xterm-screen").wait_for()
        self.until(r"[$#] $")

    def text(self):
        return self.page.evaluate("""() => {
            const buffer = window.jupyterapp.shell.currentWidget.content._term.buffer.active;
            return Array.from({length: buffer.length}, (_, i) => buffer.getLine(i).translateToString(true))
                .join('\\n').trimEnd() + ' ';
        }""")

    def until(self, pattern):
        "What the terminal says once `pattern` is in it."
        deadline = time.monotonic() + 120
        while not re.search(pattern, said := self.text()):
            assert time.monotonic() < deadline, f"the terminal never said {pattern!r}: {said[-1000:]}"
            time.sleep(0.1)
        return said

    def run(self, command):
        "Type a command; returns what the terminal says by then, once it has ended."
        self.ran += 1
        self.page.keyboard.type(f"{command}; echo ended-$(({self.ran} + 40))")
        self.page.keyboard.press("Enter")
        return self.until(f"ended-{self.ran + 40}")
