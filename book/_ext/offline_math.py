"""Sphinx extension: puts MathJax into the built book, so that it is read without a network.

The file comes from the package sphinx-mathjax-offline; of its 24 MB the book needs this one, which draws with
SVG (browsers refuse to load web fonts from file:// addresses).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset_file

FILE = "tex-svg-full.js"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    package = find_spec("sphinx-mathjax-offline")
    if error is None and app.builder.format == "html" and package and package.origin:
        static = Path(app.outdir) / "_static" / "mathjax"
        static.mkdir(parents=True, exist_ok=True)
        copy_asset_file(Path(package.origin).parent / "static" / "mathjax" / FILE, static)


def setup(app: Sphinx) -> dict[str, Any]:
    app.config.mathjax_path = f"mathjax/{FILE}"
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
