"""Which runs a page made while it was executed: told by the page, read by what executes it.

A batch names a file in `$SSLLIB_MADE`; each run of the page (`Page.run`) adds a line to it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ssllib.runs.records import Record

VARIABLE = "SSLLIB_MADE"


def tell(r: Record) -> None:
    """Add a run to the file that asks for it, if one does: its name, how it ended and its final numbers."""
    if not (file := os.environ.get(VARIABLE)):
        return
    final = {name: x for name, x in r.final.items() if isinstance(x, (int, float, str))}
    said = {name: getattr(r, name) for name in ("experiment", "cell", "scale", "seed", "identity", "status")}
    with open(file, "a", encoding="utf-8") as f:
        f.write(json.dumps(said | {"final": final}) + "\n")


def read(file: Path) -> list[dict[str, Any]]:
    """What a page told, run by run, each run once."""
    if not file.exists():
        return []
    lines = dict.fromkeys(file.read_text(encoding="utf-8").splitlines())
    return [json.loads(line) for line in lines]
