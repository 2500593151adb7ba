"""Writing the part of a text file that stands between two marks, and nothing else of it."""

from __future__ import annotations

import os
from pathlib import Path

from ssllib.errors import InputError

Marks = tuple[str, str]
"""The line before the part and the line after it; both belong to the part."""


def update(path: Path, marks: Marks, part: str) -> bool:
    """Put `part`, marks included, in the place of the marked part; True when the file changed.

    The file is written under a temporary name and renamed, so nobody ever sees half of it.

    Raises:
        InputError: if the file does not have both marks, each once and in this order.
    """
    before = path.read_text(encoding="utf-8")
    head, _, rest = before.partition(marks[0])
    _, _, tail = rest.partition(marks[1])
    if [before.count(mark) for mark in marks] != [1, 1] or marks[1] in head:
        raise InputError(f"{path.name} has lost its marks; it needs, once each, the lines {marks[0]} and {marks[1]}")
    after = head + part + tail
    if after != before:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.write_text(after, encoding="utf-8")
        temporary.replace(path)
    return after != before
