"""Looking at a book in a browser: that each kind of fault is seen, and that the built book has none."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from ssllib import paths
from ssllib.errors import InputError
from ssllib.pages import build, look, notebooks, printed

ROOT = paths.project_dir()
needs_browser = pytest.mark.skipif(look.chromium() is None, reason="no Chromium or Chrome is installed")


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "book" / "_ext" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


web = extension("web")
GOOD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title></head>'
    '<body><main><article class="bd-article"><h1 id="top">A page</h1><p>Words.</p>{}</article></main></body></html>'
)
BAD = {
    "link": '<p><a href="missing.html">A page that is not there</a></p>',
    "place": '<p><a href="index.html#nowhere">A place that is not there</a></p>',
    "alt": '<img src="dot.svg" alt="../_images/0123.png">',
    "picture": '<img src="gone.png" alt="A picture that is not there">',
    "cut": '<div style="overflow: hidden; width: 300px"><p style="width: 900px">A line that is far too long</p></div>',
    "axe color-contrast": '<p style="color: #aaa; background: #fff">Words in pale grey</p>',
    "script": "<script>throw new Error('broken')</script>",
    "weight": "<script src='heavy.js'></script>",
}


@pytest.fixture(scope="module")
def bad_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bad")
    (root / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')
    (root / "heavy.js").write_text("//" + "x" * look.MOST)
    (root / "index.html").write_text(GOOD.format(""))
    (root / "fine.html").write_text(GOOD.format('<p><a href="index.html#top">The first page</a></p>'))
    for name, body in BAD.items():
        (root / f"bad-{name.replace(' ', '-')}.html").write_text(GOOD.format(body))
    return root


@needs_browser
def test_each_fault_is_seen_and_a_page_without_one_has_none(bad_book: Path, tmp_path: Path) -> None:
    found = look.faults(bad_book, tmp_path)
    kinds = {(f.page.removesuffix(".html"), f.kind) for f in found}
    for name in BAD:
        kind = "link" if name == "place" else name
        assert (f"bad-{name.replace(' ', '-')}", kind) in kinds
    assert not [f for f in found if f.page.startswith("fine")]
    assert len(list(tmp_path.glob("fine-*.webp"))) == 4


@needs_browser
def test_the_whole_book_becomes_one_pdf(bad_book: Path, tmp_path: Path) -> None:
    count = printed.pdf(bad_book, ["fine", "bad-link"], tmp_path / "book.pdf")
    assert count >= 1 and (tmp_path / "book.pdf").read_bytes().startswith(b"%PDF")
    assert not (bad_book / "print.html").exists()


def test_a_page_in_the_whole_book_keeps_its_links() -> None:
    text = (
        '<article class="bd-article"><h1 id="a">A</h1><a href="#a">x</a><a href="../other/b.html#c">y</a>'
        '<a href="https://example.org/#z">w</a><img src="../_images/1.png"><div id="cloud"></div>'
        '<script>document.getElementById("cloud")</script></article>'
    )
    made = printed.article(text, "part/a", ["part/a", "other/b"])
    for piece in ('id="part-a--a"', 'href="#part-a--a"', 'href="#other-b--c"', 'src="_images/1.png"', 'id="cloud"'):
        assert piece in made
    assert "https://example.org/#z" in made


def test_without_a_browser_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="no Chromium"):
        look.Browser()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book built with a repository's address set, as it would be published."""
    root = tmp_path_factory.mktemp("published") / "book"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".*", "_build", "records", "__pycache__", "tests"))
    config = yaml.safe_load((root / "_config.yml").read_text())
    config["repository"]["url"] = "https://github.com/owner/name"
    (root / "_config.yml").write_text(yaml.safe_dump(config))
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters: [{file: book/theory/norm-growth}, {file: book/glossary}]\n"
    )
    line = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root), "-q"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build" / "html"


def test_with_an_address_the_book_has_its_buttons_and_a_sitemap(published: Path) -> None:
    page = (published / "book/theory/norm-growth.html").read_text()
    path = "book/theory/norm-growth.ipynb"
    assert f"https://mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/{path}" in page
    assert f"https://colab.research.google.com/github/owner/name/blob/main/{path}" in page
    assert "https://github.com/owner/name/issues/new" in page
    assert "<loc>https://owner.github.io/name/book/intro.html</loc>" in (published / "sitemap.xml").read_text()
    assert 'href="/name/"' in (published / "404.html").read_text()


def test_a_page_has_a_description_a_card_and_an_icon(published: Path) -> None:
    page = (published / "book/theory/norm-growth.html").read_text()
    assert '<meta name="description" content="' in page
    assert 'content="https://owner.github.io/name/_static/card.png"' in page
    assert (published / "_static/card.png").read_bytes().startswith(b"\x89PNG")
    assert "favicon.svg" in page and "fontawesome.js" not in page


def test_without_an_address_no_button_leads_nowhere() -> None:
    assert web.published_at("") == "" and web.published_at("https://example.org/a/b") == ""
    assert web.published_at("https://github.com/Owner/Owner.github.io") == "https://owner.github.io/"
    assert notebooks.colab_cell(ROOT / "book/intro.py") == "" or yaml.safe_load((ROOT / "_config.yml").read_text())[
        "repository"]["url"]  # fmt: skip


def test_a_style_sheet_keeps_what_fits() -> None:
    css = "/*! licence */.a{x:1}.b .c,.d{y:2}@media print{.e{z:3}.a:not(.e){w:4}}@font-face{u:5}a[b='.q']{t:6}"
    made = web.only_used(css, {"a", "d"})
    assert made == "/*! licence */.a{x:1}.b .c,.d{y:2}@media print{.a:not(.e){w:4}}@font-face{u:5}a[b='.q']{t:6}"
    assert web.only_used("/*! licence */.gone{x:1}", set()) == "/*! licence */"


def test_a_page_runs_where_binder_and_colab_open_it(tmp_path: Path) -> None:
    """The shortest page with its first cell for Colab, through nbclient, from the page's own folder."""
    root = tmp_path / "book"
    root.mkdir()
    (root / "_config.yml").write_text("repository: {url: 'https://github.com/owner/name', branch: main}\n")
    source = root / "running.py"
    text = "# %% [markdown]\n# # A page\n\n# %%\nfrom ssllib import gradscale\nprint(callable(gradscale.GradScale))\n"
    source.write_text(text)
    notebook = notebooks.fresh(source)
    assert "owner/name" in notebook.cells[1].source and notebook.cells[1].metadata.tags == ["remove-cell"]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(root)}}).execute()
    assert notebook.cells[2].outputs[0].text == "True\n"
    nbformat.validate(notebook)


def test_what_binder_installs_is_what_the_pages_import() -> None:
    """Each package that a page, or the library, imports at its top is in the list, or comes with Python."""
    import ast

    given = {line.split(">")[0].strip() for line in (ROOT / "binder/requirements.txt").read_text().splitlines()}
    named = {"yaml": "pyyaml", "z3": "z3-solver", "IPython": "ipykernel"}
    for page in build.pages():
        for node in ast.walk(ast.parse(page.source.read_text())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for top in {m.partition(".")[0] for m in modules} - {"ssllib", ""} - set(sys.stdlib_module_names):
                assert named.get(top, top) in given, f"{page.name} imports {top}"
