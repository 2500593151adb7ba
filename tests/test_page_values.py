"""Pages with other values: the line at a page's foot is allowed, and its own checks hold over its declared ranges.

The second takes half an hour of one core, so it runs only where `SSLLIB_CORNERS` is set: to `1` for every page, or to a
part of pages' names, such as `theory/`.
"""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from typing import Any

import pytest

from ssllib.pages import build, notebooks

PAGES = build.pages()
CORNERS = os.environ.get("SSLLIB_CORNERS", "")
CHOSEN = [p for p in PAGES if CORNERS and (CORNERS == "1" or CORNERS in p.name)]
HEAVY = {
    "theory/infonce-gradient": {"batches": 40},
    "arithmetic/text-against-tables": {"draws": 20},
    "simulations/three-lines": {"steps": 1000},
    "training/your-own": {"steps": 1000},
}
"""Values in place of the largest, where that only repeats the same for minutes."""

RUN = """
import os, sys
import IPython.display
import matplotlib
from ssllib.pages import build, notebooks
matplotlib.use("agg")
IPython.display.display = lambda *shown, **options: None
page, values = build.find(sys.argv[1]), eval(sys.argv[2])
os.chdir(page.source.parent)
space = {"__name__": "__main__"}
for cell in notebooks.fresh(page.source).cells:
    if cell.cell_type == "code":
        exec(compile(cell.source, page.name, "exec"), space)
        if "parameters" in cell.metadata.get("tags", []):
            space.update(values)
"""


def printed(page: build.Page) -> dict[str, Any] | None:
    """The values of the line that the page prints at its foot; None where it prints its own parameters."""
    for node in ast.walk(ast.parse(page.source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "papermill":
            return {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg}
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_line_at_a_pages_foot_is_allowed(page: build.Page) -> None:
    values = printed(page)
    assert values is not None, "the page does not say how to run it with other values"
    assert notebooks.checked(page.name, page.source, values).keys() == values.keys()


def ends(page: build.Page) -> tuple[dict[str, Any], dict[str, Any]]:
    """The least and the largest of each parameter; the first and the last of a choice; the smallest scale."""
    low, high = {}, {}
    for name, check in notebooks.checks(page.source).items():
        bounds = inspect.getclosurevars(check).nonlocals
        pair = (bounds["low"], bounds["high"]) if "low" in bounds else (bounds["allowed"][0], bounds["allowed"][-1])
        kind = notebooks.parameters(page.source)[name][0]
        low[name], high[name] = ("smoke", "smoke") if name == "scale" else map(kind, pair)
    return low, high | HEAVY.get(page.name, {})


@pytest.mark.parametrize("which", ["printed", "least", "largest"])
@pytest.mark.parametrize("page", CHOSEN, ids=lambda page: page.name)
def test_a_page_holds_over_its_declared_ranges(page: build.Page, which: str) -> None:
    values = printed(page) if which == "printed" else ends(page)[which == "largest"]
    line = [sys.executable, "-c", RUN, page.name, repr(values)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, f"{page.name} with {values}: " + done.stderr[-2000:]
