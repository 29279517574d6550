"""The one way from what a stranger wrote to what a page may hold: plain text, sanitized markdown, checked pictures, escaped templates.

Threat: a name, a message, an answer or an output acts in the browser of whoever reads the page. Text loses control and direction
characters, markdown goes through mistune and nh3, a picture is one only where Pillow recognizes it, and a page's policy forbids
scripts and addresses.
"""
import base64
import binascii
import hashlib
import io
import re
import secrets
from pathlib import Path
from urllib.parse import unquote

import jinja2
import mistune
import nh3
from markupsafe import Markup
from PIL import Image

from ..gradebook import ASSIGNMENT

SHOWN = 20_000            # characters of one text that a page shows
PIXELS = 25_000_000       # of the largest picture
IMAGE_BYTES = 4 * 2**20   # of the largest picture, encoded
TEMPLATES = Path(__file__).with_name("templates")
STYLE = "\n" + (TEMPLATES / "page.css").read_text(encoding="utf-8")
POLICY = (f"default-src 'none'; img-src data:; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
          "base-uri 'none'; form-action 'none'")

ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")
HIDDEN_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")


def text(value, most=SHOWN):
    "`value` as text that shows what it is: no terminal codes, control or direction characters; the middle left out past `most`."
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    if len(value) > 20 * most:   # do not work on what nobody will see
        value = value[:10 * most] + value[-10 * most:]
    value = ESCAPES.sub("", value.encode("utf-8", "replace").decode()).replace("\r\n", "\n")
    value = "\n".join(line.rpartition("\r")[2] for line in value.split("\n"))   # a progress bar overwrites its line
    value = HIDDEN_CHARACTERS.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
    if len(value) > most:
        value = f"{value[:most // 2]}\n[... {len(value) - most} characters left out ...]\n{value[-(most // 2):]}"
    return value.rstrip("\n")


class Renderer(mistune.HTMLRenderer):
    "Markdown to HTML without raw HTML; a picture becomes a word that nobody can guess, until the rest is sanitized."

    def __init__(self, attachments):
        super().__init__(escape=True)
        self.attachments, self.pictures = attachments if isinstance(attachments, dict) else {}, {}

    def image(self, text, url, title=None):
        data = self.attachments.get(unquote(url.removeprefix("attachment:"))) if url.startswith("attachment:") else None
        found = next(filter(None, (picture(mime, value) for mime, value in (data or {}).items())), None)
        if not found: return mistune.escape(f"[a picture that is not shown: {text}]")
        word = f"picture{secrets.token_hex(16)}"
        self.pictures[word] = Markup('<img src="{}" alt="{}">').format(found[0], text or "A picture in the answer")
        return word


def markdown(source, attachments=None):
    "An answer in markdown as safe HTML: no raw HTML, no picture but `attachments` {name: {mime: base64}}, links as text, headings below ours."
    tags = {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "a", *(f"h{level}" for level in range(1, 7))}
    renderer = Renderer(attachments)
    try: html = nh3.clean(mistune.create_markdown(renderer=renderer)(text(source)), tags=tags, attributes={"a": {"href"}},
                          url_schemes={"http", "https"}, link_rel=None)
    except (RecursionError, ValueError): return Markup("<pre>{}</pre>").format(text(source))
    html = re.sub(r'<a(?: href="([^"]*)")?>(.*?)</a>', lambda a: f"{a[2]} ({a[1]})" if a[1] and a[1] != a[2] else a[2], html, flags=re.S)
    html = re.sub(r"<(/?)h[1-6]>", r"<\1h4>", html)
    for word, image in renderer.pictures.items(): html = html.replace(word, image)
    return Markup(html)


def picture(mime, data):
    "(data URI, width, height) of a PNG, JPEG or GIF; None for what Pillow does not take for one, or too large."
    kind = mime.partition("/")[2].upper()
    if isinstance(data, list):
        data = "".join(part for part in data if isinstance(part, str))
    if not isinstance(data, str) or len(data) > IMAGE_BYTES:
        return None
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
        with Image.open(io.BytesIO(raw), formats=[kind]) as image:
            width, height = image.size
    except (binascii.Error, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    if not 0 < width * height <= PIXELS:
        return None
    return f"data:{mime};base64,{base64.b64encode(raw).decode()}", width, height


def environment():
    "jinja2 for the templates beside this file, with escaping on."
    found = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, keep_trailing_newline=True,
                               undefined=jinja2.StrictUndefined)
    found.filters["points"] = lambda value: f"{round(value, 2):g}"
    found.globals |= {"style": Markup(STYLE), "policy": POLICY, "assignment": ASSIGNMENT}
    return found
