"""Text of strangers as text, and templates that escape it: what every page needs, and jinja2 is enough for.

Threat: a name or a message acts in the browser of whoever reads the page. Text loses control and direction characters,
templates escape it, and a page's policy forbids scripts and addresses.
"""
import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..visible import visible

SHOWN = 20_000            # characters of one text that a page shows
TEMPLATES = Path(__file__).with_name("templates")


def text(value, most=SHOWN):
    "`value` as text that shows what it is: no codes, control or direction characters; the middle left out past `most`."
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    if len(value) > 20 * most:   # do not work on what nobody will see
        value = value[:10 * most] + value[-10 * most:]
    value = visible(value, "\r").replace("\r\n", "\n")
    value = "\n".join(line.rpartition("\r")[2] for line in value.split("\n"))   # a progress bar overwrites its line
    if len(value) > most:
        value = f"{value[:most // 2]}\n[... {len(value) - most} characters left out ...]\n{value[-(most // 2):]}"
    return value.rstrip("\n")


def environment(css="page.css"):
    "jinja2 for the templates beside this file, with escaping on; pages allow the style of `css` alone."
    style = "\n" + (TEMPLATES / css).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    found = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
                               keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    found.globals |= {"style": Markup(style), "policy": policy}
    return found
