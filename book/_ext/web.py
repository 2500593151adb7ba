"""Sphinx extension: what a published book needs beyond its pages.

On every page: a description, what social networks show of it, only the icons that the book uses, no script that it
does not use, and names that screen readers can match with what is seen. Beside the pages: a page for addresses that do
not exist, the picture for social networks and, once `repository: url` is set in _config.yml, the buttons for the
repository, Binder and Colab, and a sitemap.
"""

import html
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
#: One icon in Font Awesome's script: its name, then width, height, other names, code, outline.
ICON = re.compile(r'("[\w-]+"|\w+):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')
#: Names that hide what is written on the thing they name (WCAG 2.5.3), as the theme writes them.
NAMED_OVER = (
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
        options.setdefault("launch_buttons", LAUNCH)
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
    if not app.config.html_theme_options.get("launch_buttons", {}).get("thebe"):
        context["script_files"] = [s for s in context["script_files"] if "thebe" not in _text(s).lower()]
        context["css_files"] = [s for s in context["css_files"] if "thebe" not in _text(s).lower()]


def _text(asset: Any) -> str:
    return f"{getattr(asset, 'filename', asset)} {getattr(asset, 'attributes', {}).get('body', '')}"


def only_icons(script: str, used: Iterable[str]) -> str:
    """Font Awesome's script without the icons that are not used, by name or other name. Raises ValueError where an
    icon that is used is not in it."""
    wanted, met = set(used), set()

    def keep(match: re.Match[str]) -> str:
        names = {match[1].strip('"'), *re.findall(r'"([^"]+)"', match[2])}
        met.update(names & wanted)
        return match[0] if names & wanted else ""

    kept = ICON.sub(keep, script)
    if missing := wanted - met:
        raise ValueError(f"Font Awesome has no icon {', '.join(sorted(missing))}")
    return kept


#: Classes of Font Awesome that are no icons.
STYLES = {"solid", "regular", "brands", "lg", "sm", "xs", "fw", "spin", "ul", "li", "2x", "3x"}


def finish(app: Sphinx, error: Exception | None) -> None:
    """What can be done only when all pages are written."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = [f for f in sorted(out.rglob("*.html")) if "_static" not in f.relative_to(out).parts]
    icons: set[str] = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for given in re.findall(r'class="([^"]*\bfa[srb]?\b[^"]*|[^"]*\bfa-[^"]*)"', text):
            icons |= {word[3:] for word in given.split() if word.startswith("fa-")}
        mended = text
        for pattern, instead in NAMED_OVER:
            mended = pattern.sub(instead, mended)
        if mended != text:
            page.write_text(mended, encoding="utf-8")
    for script in ("sphinx-book-theme.js", "pydata-sphinx-theme.js"):
        file = out / "_static" / "scripts" / script
        icons |= set(re.findall(r"\bfa-([a-z][a-z0-9-]+)", file.read_text(encoding="utf-8")))
    awesome = out / "_static" / "scripts" / "fontawesome.js"
    awesome.write_text(only_icons(awesome.read_text(encoding="utf-8"), icons - STYLES), encoding="utf-8")
    names = [p.relative_to(out).as_posix() for p in pages]
    base = app.config.html_baseurl
    (out / "404.html").write_text(not_found(app.config.project, urlsplit(base).path or "/"), encoding="utf-8")
    if base:
        (out / "sitemap.xml").write_text(sitemap(base, names), encoding="utf-8")
    card(out / "_static" / CARD, app.config.project)


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
