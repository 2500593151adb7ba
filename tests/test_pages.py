"""The committed book: every page is paired, executed and up to date, and the built book stands on its own."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import yaml
from jupytext.compare import NotebookDifference, compare_notebooks

from ssllib import paths
from ssllib.evidence import words
from ssllib.pages import build, look, notebooks

ROOT = paths.project_dir()
ENTRIES = list(build._toc_files(yaml.safe_load((ROOT / "_toc.yml").read_text())))
NAMES = [e.removeprefix("book/") for e in ENTRIES if not (ROOT / f"{e}.md").exists()]


@pytest.fixture(params=NAMES)
def page(request: pytest.FixtureRequest) -> build.Page:
    return build.find(request.param)


def test_every_page_file_is_in_the_table_of_contents() -> None:
    files = [f for kind in ("*.md", "*.ipynb") for f in (ROOT / "book").rglob(kind)]
    there = {f.relative_to(ROOT).with_suffix("").as_posix() for f in files}
    assert {f for f in there if ".ipynb_checkpoints" not in f} == set(ENTRIES)


def test_no_page_is_out_of_date() -> None:
    names = ", ".join(page.name for page in build.stale())
    assert not names, f"out of date: {names}; run `make pages`"


def test_a_page_and_its_pair_say_the_same(page: build.Page) -> None:
    committed = nbformat.read(page.notebook, as_version=4)
    try:
        compare_notebooks(committed, notebooks.fresh(page.source), "py:percent")
    except NotebookDifference as difference:
        pytest.fail(f"{page.name}.py and .ipynb differ: {difference}\nrun `make pages`", pytrace=False)
    assert "jupytext_version" not in page.source.read_text(), "a version in the header changes with each edit"


def test_a_page_is_executed_whole_and_without_errors(page: build.Page) -> None:
    cells = [c for c in nbformat.read(page.notebook, as_version=4).cells if c.cell_type == "code"]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    assert notebooks.failure(page.notebook) == ""


def test_a_page_declares_its_parameters(page: build.Page) -> None:
    tags = [c.metadata.get("tags", []) for c in notebooks.fresh(page.source).cells]
    assert sum("parameters" in t for t in tags) == 1
    assert notebooks.parameters(page.source)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book built from its committed outputs, with warnings as errors."""
    out = tmp_path_factory.mktemp("book")
    line = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(ROOT)]
    line += ["--path-output", str(out), "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "_build" / "html"


def test_the_book_builds_without_a_warning(built: Path) -> None:
    assert all((built / f"{entry}.html").exists() for entry in ENTRIES)


def test_one_page_is_rendered_by_itself() -> None:
    """From its committed notebook; formulas, admonitions and citations are rendered, not shown raw."""
    name = "theory/cosine-gradient"
    text = build.render(name, build.find(name).notebook).read_text()
    assert 'class="admonition' in text and ":::{" not in text and "{cite" not in text and "references.html" in text


def test_every_kind_of_verdict_has_its_look() -> None:
    css = (ROOT / "book/_static/book.css").read_text()
    for name in (words.CONFIRMED, words.CONTRADICTED, words.UNCLEAR, words.ANSWERED, "small"):  # the rest: one colour
        assert f".verdict-{name}" in css
    for word in (*words.VERDICTS, *words.ANSWERS):
        assert f".word-{word}" in css and word in words.SYMBOL


FETCHED = {"stylesheet", "preload", "modulepreload", "icon", "prefetch", "preconnect"}


class Loads(HTMLParser):
    """Collects what a page fetches from elsewhere by itself; `found` is empty if it stands alone."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and not FETCHED & set(given.get("rel", "").split()):
            return
        names = {"link": ["href"], "a": [], "object": ["data"]}.get(tag, ["src", "srcset", "poster"])
        self.found += [given[n] for n in names if re.search(r"(^|[\s,])(https?:)?//", given.get(n, ""))]

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.found += remote_in_css(data)
        elif self.inside == "script":
            # A button that the book does not have would load Thebe; the theme names its address all the same.
            rest = re.sub(r'const THEBE_JS_URL = "[^"]*"|repo: "[^"]*"', "", data)
            self.found += re.findall(r"https?://[^\"' ]+", rest)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


def remote_in_css(text: str) -> list[str]:
    return re.findall(r"""(?:@import\s+|url\()["']?\s*((?:https?:)?//[^"')]+)""", text)


def remote_in_html(text: str) -> list[str]:
    parser = Loads()
    parser.feed(text)
    return parser.found


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<img src="x.png" srcset="https://img.example/x.png 2x">',
        '<style>@import "https://fonts.example/css";</style>',
        "<style>a { background: url(https://img.example/x.png) }</style>",
        '<script>import("https://cdn.example/x.js")</script>',
    ],
)
def test_the_check_below_sees_what_is_loaded(text: str) -> None:
    assert len(remote_in_html(text)) == 1


def test_reading_the_built_book_needs_no_network(built: Path) -> None:
    loads = {f.name: remote_in_html(f.read_text()) for f in built.rglob("*.html")}
    loads |= {f.name: remote_in_css(f.read_text()) for f in built.rglob("*.css")}
    assert {name: found for name, found in loads.items() if found} == {}
    intro = (built / "book" / "intro.html").read_text()
    scripts = re.findall(r'<script[^>]* src="([^"?]+)', intro)
    assert any("mathjax" in s for s in scripts)
    assert all((built / "book" / s).exists() for s in scripts)


@pytest.mark.skipif(look.chromium() is None, reason="no Chromium or Chrome is installed")
def test_a_browser_finds_no_fault(built: Path) -> None:
    found = [fault for fault in look.faults(built) if fault.kind != "weight"]  # `make look` tells that, too
    assert not found, "\n".join(map(str, found))
