"""The built book as one document, its pages one after the other, and as a PDF through the browser's print."""

from __future__ import annotations

import base64
import html
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ssllib import paths
from ssllib.errors import InputError

ARTICLE = re.compile(r'<article class="bd-article">(.*?)</article>', re.DOTALL)
HEAD = re.compile(r"<head>(.*?)</head>", re.DOTALL)
FOOT = (
    '<div style="font-size:8px;width:100%;text-align:center;color:#555"><span class="pageNumber"></span></div>'
)


def _place(page: str, anchor: str = "") -> str:
    """The name of a place of a page in the one document."""
    return page.replace("/", "-") + (f"--{anchor}" if anchor else "")


def article(text: str, page: str, pages: Sequence[str]) -> str:
    """The body of a page (its name without .html, from the book's root) for the one document.

    Names of places get the page's name in front; links to other pages lead to their places; other addresses are
    written from the book's root. Raises InputError for a file without an article.
    """
    found = ARTICLE.search(text)
    if found is None:
        raise InputError(f"{page}.html has no article; is it a page of a built book?")
    body = found[1]
    in_scripts = " ".join(re.findall(r"<script[^>]*>(.*?)</script>", body, re.DOTALL))
    folder = posixpath.dirname(page)

    def name(match: re.Match[str]) -> str:
        return match[0] if match[2] in in_scripts else f'{match[1]}="{_place(page, match[2])}"'

    def lead(match: re.Match[str]) -> str:
        attribute, address = match[1], html.unescape(match[2])
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, parts.path)) if parts.path else f"{page}.html"
        if attribute == "href" and path.removesuffix(".html") in pages:
            return f'href="#{_place(path.removesuffix(".html"), parts.fragment)}"'
        return f'{attribute}="{html.escape(path)}"'

    pieces = re.split(r"(<script.*?</script>)", body, flags=re.DOTALL)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r'\b(id|for|aria-controls|aria-labelledby)="([^"]+)"', name, pieces[i])
        pieces[i] = re.sub(r'\b(href|src)="([^"]*)"', lead, pieces[i])
    return f'<section class="chapter" id="{_place(page)}">{"".join(pieces)}</section>'


def whole(built: Path, pages: Sequence[str]) -> str:
    """The pages of a built book, in this order, as one HTML document that lies in the book's root."""
    texts = {page: (built / f"{page}.html").read_text(encoding="utf-8") for page in pages}
    first = texts[pages[0]]
    head = HEAD.search(first)
    if head is None:
        raise InputError(f"{pages[0]}.html has no head; is it a page of a built book?")
    folder = posixpath.dirname(pages[0])

    def from_root(match: re.Match[str]) -> str:
        return f'{match[1]}="{posixpath.normpath(posixpath.join(folder, match[2]))}"'

    start = re.sub(r'\b(href|src)="(?![a-z]+:|/|#)([^"]+)"', from_root, head[1])
    start = re.sub(r"<title>.*?</title>", "", start, flags=re.DOTALL)
    full = {page: re.findall(r"<title>(.*?)</title>", text, re.DOTALL)[0] for page, text in texts.items()}
    titles = {page: title.partition(" &#8212; ")[0] for page, title in full.items()}
    name = full[pages[0]].rpartition(" &#8212; ")[2]
    contents = "".join(f'<li><a href="#{_place(page)}">{title}</a></li>' for page, title in titles.items())
    chapters = "\n".join(article(text, page, pages) for page, text in texts.items())
    return (
        f'<!DOCTYPE html>\n<html lang="en" data-content_root="./" data-theme="light">\n'
        f"<head>{start}<title>{name}</title></head>\n"
        f'<body class="printed"><main><article class="bd-article">\n<section class="cover"><p class="name">{name}</p>'
        f"<ul>{contents}</ul></section>\n{chapters}\n</article></main></body>\n</html>\n"
    )


def pdf(built: Path, pages: Sequence[str], out: Path) -> int:
    """Writes the whole book as a PDF with bookmarks and page numbers, criteria opened, code bars left out.

    `pages`: their names in the book's order. Returns how many pages of paper there are. Raises InputError where no
    Chromium is installed.
    """
    from ssllib.pages import look

    look.pages(built)  # says where there is no book
    paths.writable("the folder of the PDF", out.parent)
    source = built / "print.html"
    try:
        with look.Browser() as browser:
            source.write_text(whole(built, pages), encoding="utf-8")
            browser.open(source, width=900)
            browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            stream = browser.call(
                "Page.printToPDF",
                600,
                printBackground=True,
                preferCSSPageSize=True,
                displayHeaderFooter=True,
                headerTemplate="<span></span>",
                footerTemplate=FOOT,
                generateDocumentOutline=True,
                generateTaggedPDF=True,
                transferMode="ReturnAsStream",
            )["stream"]
            data = bytearray()
            while True:
                part = browser.call("IO.read", handle=stream, size=1 << 20)
                data += base64.b64decode(part["data"]) if part.get("base64Encoded") else part["data"].encode("latin-1")
                if part["eof"]:
                    break
    finally:
        source.unlink(missing_ok=True)
    out.write_bytes(data)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", bytes(data)))
