"""Sphinx extension: puts MathJax into the built book, so that it is read without a network.

The files come from the package sphinx-mathjax-offline. Of its parts a page loads TeX input, HTML output and MathML for
screen readers (1 MB; the all-in-one file for SVG has 2.3 MB). Browsers refuse to load web fonts from file:// addresses,
so the fonts of the book's formulas are written into the script; the others lie beside it.
"""

import base64
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

PARTS = ("startup.js", "core.js", "input/tex.js", "output/chtml.js", "a11y/assistive-mml.js")
FONTS = "output/chtml/fonts"
#: Inside the script; `make look` reports a page that asks for another.
INSIDE = {
    "MathJax_Zero", "MathJax_Main-Regular", "MathJax_Main-Bold", "MathJax_Math-Italic",
    "MathJax_AMS-Regular", "MathJax_Calligraphic-Regular", "MathJax_Size1-Regular",
    "MathJax_Size2-Regular", "MathJax_Size3-Regular", "MathJax_Size4-Regular",
}  # fmt: skip


def with_fonts(script: str, folder: Path) -> tuple[str, set[str]]:
    """A script of MathJax with the fonts of `INSIDE` in place of their addresses, and which fonts those were."""
    named = {name for name in INSIDE if f"%%URL%%/{name}.woff" in script}
    for name in sorted(named):
        data = base64.b64encode((folder / f"{name}.woff").read_bytes()).decode()
        script = script.replace(f"%%URL%%/{name}.woff", f"data:font/woff;base64,{data}")
    return script, named


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    package = find_spec("sphinx-mathjax-offline")
    if error is not None or app.builder.format != "html" or not package or not package.origin:
        return
    source = Path(package.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / part, target / part)
    for folder in ("input/tex/extensions", f"{FONTS}/woff-v2"):  # loaded only by a formula that needs one
        shutil.copytree(source / folder, target / folder, dirs_exist_ok=True)
    found: set[str] = set()
    for part in ("output/chtml.js", f"{FONTS}/tex.js"):
        script, named = with_fonts((source / part).read_text(), source / FONTS / "woff-v2")
        (target / part).write_text(script)
        found |= named
    if missing := INSIDE - found:
        raise ValueError(f"MathJax's scripts name no font {', '.join(sorted(missing))}")


def setup(app: Sphinx) -> dict[str, Any]:
    app.config.mathjax_path = f"mathjax/{PARTS[0]}"
    app.config.mathjax3_config = {"loader": {"load": [part.removesuffix(".js") for part in PARTS[1:]]}}
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
