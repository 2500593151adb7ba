"""Sphinx extension: what a published book needs beyond its pages.

On every page: a description, what social networks show of it, only the icons that the book uses, no script that it
does not use, and names that screen readers can match with what is seen. Beside the pages: a page for addresses that do
not exist, the picture for social networks and, once `repository: url` is set in _config.yml, the buttons for the
repository, Binder and Colab, and a sitemap.
"""

import base64
import html
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

CARD = "card.png"
LAUNCH = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}
#: What the theme writes otherwise than it should: names that hide what is written on the thing they name (WCAG 2.5.3),
#: and the script that draws icons (1.5 MB), for which its style sheet has a font.
MENDED = (
    (re.compile(r'\s*<!-- So that users can add custom icons -->\s*<script src="[^"]*fontawesome\.js[^"]*"></script>'), ""),
    (re.compile(r'(<button class="btn search-button-field[^>]*?) aria-label="Search"'), r"\1"),
    (re.compile(r'(<summary)\s+aria-label="Toggle hidden content"'), r"\1"),
)


def published_at(repository: str) -> str:
    """Where GitHub publishes a repository's pages: "https://OWNER.github.io/NAME/"; "" for other addresses."""
    parts = urlsplit(repository)
    owner, _, name = parts.path.strip("/").removesuffix(".git").partition("/")
    if parts.netloc != "github.com" or not name or "/" in name:
        return ""
    own = name.lower() == f"{owner.lower()}.github.io"
    return f"https://{owner.lower()}.github.io/" + ("" if own else f"{name}/")


def with_address(app: Sphinx, config: Config) -> None:
    """With the repository's address its buttons appear; without it each would lead nowhere."""
    options = config.html_theme_options
    if url := options.get("repository_url"):
        given = {key: value for key, value in options.get("launch_buttons", {}).items() if value}
        options["launch_buttons"] = LAUNCH | {k: v for k, v in given.items() if k != "notebook_interface"}
        options["use_repository_button"] = options["use_issues_button"] = True
        if not config.html_baseurl:
            config.html_baseurl = published_at(url)


def description(doctree: nodes.document, most: int = 200) -> str:
    """The first paragraph of a page in plain words, cut at the end of a sentence or a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = " ".join(paragraph.astext().split())
            if len(text) > most:
                text = text[:most]
                stop = text.rfind(". ")
                text = text[: stop + 1] if stop > most // 3 else text.rpartition(" ")[0] + " \N{HORIZONTAL ELLIPSIS}"
            return text
    return ""


def add_to_page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Description and card into the head; scripts that nothing calls out of it."""
    if app.builder.format != "html":
        return
    base = app.config.html_baseurl
    given = {
        "og:title": re.sub("<[^>]+>", "", context.get("title", "")) or app.config.project,
        "og:site_name": app.config.html_title or app.config.project,
        "og:type": "article",
        "og:image": f"{base}_static/{CARD}" if base else context["pathto"](f"_static/{CARD}", 1),
    }
    if base:
        given["og:url"] = f"{base}{name}.html"
    about = description(doctree) if doctree is not None else ""
    tags = [f'<meta property="{key}" content="{html.escape(value)}" />' for key, value in given.items()]
    tags.append('<meta name="twitter:card" content="summary_large_image" />')
    if about:
        tags.append(f'<meta name="description" content="{html.escape(about)}" />')
        tags.append(f'<meta property="og:description" content="{html.escape(about)}" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)
    # A list may hold nothing but its items, and these have back links beside them.
    if "body" in context:
        context["body"] = context["body"].replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    if not app.config.html_theme_options.get("launch_buttons", {}).get("thebe"):
        context["script_files"] = [s for s in context["script_files"] if "thebe" not in _text(s).lower()]
        context["css_files"] = [s for s in context["css_files"] if "thebe" not in _text(s).lower()]


def _text(asset: Any) -> str:
    return f"{getattr(asset, 'filename', asset)} {getattr(asset, 'attributes', {}).get('body', '')}"


def only_used(css: str, words: set[str]) -> str:
    """A style sheet without the rules that fit nothing: each of their selectors has a class that is in no page.

    `words`: every word of the pages and of their scripts, so that a class which a script sets is kept.
    """
    kept, start, i = [], 0, 0
    while i < len(css):
        if css.startswith("/*", i):
            i = css.find("*/", i) + 2
        elif css[i] == ";":
            kept.append(css[start : i + 1])
            i = start = i + 1
        elif css[i] == "{":
            end, depth = i + 1, 1
            while depth:
                depth += {"{": 1, "}": -1}.get(css[end], 0)
                end += 1
            head, body = css[start:i], css[i + 1 : end - 1]
            selector = COMMENT.sub("", head).strip()
            if selector.startswith(("@media", "@supports")):
                if inside := only_used(body, words):
                    kept.append(f"{head}{{{inside}}}")
            elif selector.startswith("@") or any(_fits(s, words) for s in _selectors(selector)):
                kept.append(f"{head}{{{body}}}")
            else:
                kept.extend(c for c in COMMENT.findall(head) if c.startswith("/*!"))  # a licence stays
            i = start = end
        else:
            i += 1
    return "".join(kept) + css[start:]


SOLID = re.compile(r'url\([^)]*fa-solid-900\.woff2\) format\("woff2"\),url\([^)]*\) format\("truetype"\)')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def _selectors(text: str) -> list[str]:
    """The selectors of a list, split at the commas outside of brackets."""
    return re.split(r",(?![^(\[]*[)\]])", text)


def _fits(selector: str, words: set[str]) -> bool:
    outside = re.sub(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)", "", selector)
    names = re.findall(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)", re.sub(r"\[[^\]]*\]", "", outside))
    return all(name.replace("\\", "") in words for name in names)


def only_icons(font: bytes, css: str) -> bytes:
    """Font Awesome's TrueType font as a WOFF file with the characters only that the style sheets ask for."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options(hinting=False, layout_features=[], glyph_names=False, drop_tables=["FFTM", "GSUB"])
    whole = TTFont(io.BytesIO(font))
    chosen = subset.Subsetter(options)
    chosen.populate(unicodes=sorted({int(code, 16) for code in re.findall(r"\\(e[0-9a-f]{3}|f[0-9a-f]{3})\b", css)}))
    chosen.subset(whole)
    whole.flavor = "woff"
    file = io.BytesIO()
    whole.save(file)
    return file.getvalue()


def finish(app: Sphinx, error: Exception | None) -> None:
    """What can be done only when all pages are written."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = [f for f in sorted(out.rglob("*.html")) if "_static" not in f.relative_to(out).parts]
    words: set[str] = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        mended = text
        for pattern, instead in MENDED:
            mended = pattern.sub(instead, mended)
        if mended != text:
            page.write_text(mended, encoding="utf-8")
        words |= set(re.findall(r"[\w-]+", mended))
    static = out / "_static"
    for script in static.rglob("*.js"):
        if not {"mathjax", "locales"} & set(script.parts) and script.name != "fontawesome.js":
            words |= set(re.findall(r"[\w-]+", script.read_text(encoding="utf-8")))
    theirs = [file for file in static.rglob("*.css") if file.name != "book.css"]
    sheets = {file: only_used(file.read_text(encoding="utf-8"), words) for file in theirs}
    fonts = static / "vendor" / "fontawesome" / "webfonts"
    solid = only_icons((fonts / "fa-solid-900.ttf").read_bytes(), "".join(sheets.values()))
    inside = f"url(data:font/woff;base64,{base64.b64encode(solid).decode()}) format(\"woff\")"
    for file, css in sheets.items():
        file.write_text(SOLID.sub(inside, css), encoding="utf-8")
    names = [p.relative_to(out).as_posix() for p in pages]
    base = app.config.html_baseurl
    (out / "404.html").write_text(not_found(app.config.html_title or app.config.project, urlsplit(base).path or "/"), encoding="utf-8")
    if base:
        (out / "sitemap.xml").write_text(sitemap(base, names), encoding="utf-8")
    card(static / CARD, app.config.html_title or app.config.project)


def sitemap(base: str, names: Iterable[str]) -> str:
    """https://www.sitemaps.org/protocol.html, without the indexes and the search."""
    left = {"404.html", "search.html", "genindex.html", "prf-prf.html", "index.html"}
    lines = "\n".join(f"  <url><loc>{escape(base + n)}</loc></url>" for n in names if n not in left)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}\n</urlset>\n'
    )


def not_found(title: str, root: str) -> str:
    """A page that stands alone: it is shown at any address, so it can name no file beside it."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="noindex" />
<title>No such page &#8212; {html.escape(title)}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 4rem auto; max-width: 34rem; padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>It may have moved when the book was put in order. <a href="{html.escape(root)}">The first page of
{html.escape(title)}</a> lists all that there are; <a href="{html.escape(root)}search.html">the search</a> finds
what they say.</p>
</main>
</body>
</html>
"""


def card(file: Path, title: str) -> None:
    """The picture that social networks show of a link: 1200 x 630 pixels with the book's title."""
    import textwrap

    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="#f6f8fb")
    figure.add_artist(_band())
    figure.text(0.07, 0.62, textwrap.fill(title, 30), fontsize=44, weight="bold", color="#1c2733", va="center")
    say = "Three papers, claim by claim: what holds, what fails,\nand what nobody has settled."
    figure.text(0.07, 0.22, say, fontsize=24, color="#3b5b92", va="center", linespacing=1.4)
    figure.savefig(file, metadata={"Software": None})


def _band() -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((0, 0), 0.025, 1, color="#3b5b92")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", with_address, priority=100)
    app.connect("html-page-context", add_to_page, priority=900)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
