"""The one way from what a stranger wrote to what a page may hold: plain text, sanitized markdown, checked pictures,
escaped templates.

Threat: a name, a message, an answer or an output acts in the browser of whoever reads the page. Text loses control
and direction characters, markdown goes through mistune and nh3, a picture is one only where Pillow recognizes it,
and a page's policy forbids scripts and addresses.
"""
import base64
import binascii
import io
import re
import secrets
from urllib.parse import unquote

import mistune
import nh3
from markupsafe import Markup
from PIL import Image

from ..gradebook import ASSIGNMENT
from . import plain
from .plain import text

PIXELS = 25_000_000       # of the largest picture
IMAGE_BYTES = 4 * 2**20   # of the largest picture, encoded


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
    """An answer in markdown as safe HTML: no raw HTML, no picture but `attachments` {name: {mime: base64}}, links as
    text, headings below ours."""
    tags = {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "a",
            *(f"h{level}" for level in range(1, 7))}
    renderer = Renderer(attachments)
    try:
        html = nh3.clean(mistune.create_markdown(renderer=renderer)(text(source)), tags=tags,
                         attributes={"a": {"href"}}, url_schemes={"http", "https"}, link_rel=None)
    except (RecursionError, ValueError): return Markup("<pre>{}</pre>").format(text(source))
    html = re.sub(r'<a(?: href="([^"]*)")?>(.*?)</a>', lambda a: f"{a[2]} ({a[1]})" if a[1] and a[1] != a[2] else a[2],
                  html, flags=re.S)
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
    "jinja2 for the pages about an assignment, with escaping on."
    found = plain.environment()
    found.filters["points"] = lambda value: f"{round(value, 2):g}"
    found.globals["assignment"] = ASSIGNMENT
    return found
