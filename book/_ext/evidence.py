"""Sphinx extension: how the book leads to its evidence.

The role {claim}`id` or {claim}`words <id>` is a link to a claim's row of the scoreboard. The scoreboard's page
gets its scripts and MathJax; pages with sliders get theirs. Beside the built pages lie the records, `records/<experiment>.zip`, one archive for
each experiment.
"""

import zipfile
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import ReferenceRole

BOARD = "book/scoreboard"
SCRIPTS = ("vendor/datatables/dataTables.min.js", "scoreboard.js")


class ClaimRole(ReferenceRole):
    """A link to a claim's row."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        page = self.env.app.builder.get_relative_uri(self.env.docname, BOARD)
        row = f"{page}#claim-{self.target}"
        return [nodes.reference(self.rawtext, self.title, refuri=row, internal=True)], []


def add_scripts(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if pagename == BOARD:
        for name in SCRIPTS:
            app.add_js_file(name, loading_method="defer")
    elif '<figure class="sliders"' in context.get("body", ""):
        app.add_js_file("sliders.js", loading_method="defer")


def draw_math(app: Sphinx, env: Any) -> None:
    """Sphinx gives MathJax to pages with math of its own; the scoreboard's stands in HTML."""
    if BOARD in env.found_docs:
        env.get_domain("math").data["has_equations"][BOARD] = True


def write_archives(records: Path, out: Path) -> list[Path]:
    """An archive of the records of each experiment below `records`; the same files give the same bytes."""
    found: dict[str, list[Path]] = {}
    for file in sorted(records.glob("[!.]*/*/*")):
        if file.suffix in (".json", ".npz"):
            found.setdefault(file.parent.name, []).append(file)
    out.mkdir(parents=True, exist_ok=True)
    for experiment, files in found.items():
        with zipfile.ZipFile(out / f"{experiment}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                entry = zipfile.ZipInfo(file.relative_to(records).as_posix())  # without the file's date
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return [out / f"{experiment}.zip" for experiment in found]


def archive_records(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        write_archives(Path(app.srcdir) / "data" / "records", Path(app.outdir) / "records")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("claim", ClaimRole())
    app.connect("env-updated", draw_math)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", archive_records)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
