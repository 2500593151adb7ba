"""The papers as data: published tables cell by cell, settings with their places, statements, captions.

    >>> load("2406.16468").table("3").value(method="SimCLR", arm="default", dataset="CIFAR-10", epoch=100)
    75.7

A cell is addressed by its row key and its column key together; the files are `data/papers/<arxiv id>.yml`.

    >>> load("2502.09252").settings("Table 2", method="SimSiam")["batch"].value
    1024
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ssllib.errors import InputError, one_of
from ssllib.paths import data_dir

Key = dict[str, Any]
_NUMBER = re.compile(r"^(-?\d+\.?\d*)%?(?:±(\d*\.\d+))?$")


def _plain(text: Any) -> Any:
    """A part of a key as a number where it is one ("5e-4", 100), else as it stands."""
    try:
        return int(text) if float(text).is_integer() else float(text)
    except (TypeError, ValueError):
        return text


@dataclass(frozen=True)
class Cell:
    """One printed entry. `value` is None where there is no number, or none was measured (see `note`)."""

    key: Key
    printed: str
    value: float | None
    spread: float | None  # the number after a printed "±"
    note: str
    source: str


@dataclass(frozen=True)
class Statement:
    """A theorem, equation or question as printed: `text` is MyST with LaTeX, `note` says what is odd."""

    id: str
    name: str
    place: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """One setting of a table's or figure's runs.

    `value` is a number, words, or a tuple of what the arms or epochs have; None where the text says nothing.
    """

    name: str
    value: Any
    place: str  # where the text says it
    cited: str = ""  # where the work stands whose default it is, if the text only points there
    released: Any = None  # what the released code has, where that is known to matter
    note: str = ""

    @property
    def source(self) -> str:
        """`stated` in the text, `cited` by it, in the `released` code alone, or `not stated` anywhere."""
        if self.value is not None:
            return "cited" if self.cited else "stated"
        return "not stated" if self.released is None else "released"


NOT_STATED, NO_PART = "not stated", "none of it"
"""As a setting's value: the text says nothing; the setting is no part of these runs."""
_LAYER, _ENTRY = ("of", "where", "says"), ("value", "place", "cited", "released", "note")


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _setting(name: str, entry: dict[str, Any]) -> Setting:
    """A `Setting` from its merged entry; a value needs its place."""
    value = entry["value"]
    if value == NOT_STATED:
        value = None
    elif not entry.get("place"):
        raise InputError(f"setting {name!r} has the value {value!r} and no place where the text says so")
    plain = tuple(map(_plain, value)) if isinstance(value, list) else None if value is None else _plain(value)
    words = {part: entry.get(part, "") for part in ("place", "cited", "note")}
    return Setting(name, plain, released=_plain(entry["released"]) if "released" in entry else None, **words)


class Table:
    """One published table. `reads` says what rows and columns mean; `notes` lists what needs care."""

    def __init__(self, source: str, data: dict[str, Any]) -> None:
        self.source = source
        self.caption, self.unit, self.reads = str(data["caption"]), str(data["unit"]), str(data["reads"])
        self.url = str(data.get("url", ""))  # of a table from elsewhere
        self.notes: list[str] = data.get("notes", [])
        self._cell_notes: list[dict[str, Any]] = data.get("cell_notes", [])
        heads = {part: [_plain(v) for v in line] for part, line in data["columns"].items()}
        self.columns = [dict(zip(heads, c, strict=True)) for c in zip(*heads.values(), strict=True)]
        self._rows: list[tuple[Key, list[Cell]]] = []
        for row in data["rows"]:
            key = {part: _plain(v) for part, v in row.items() if part != "cells"}
            pairs = zip(self.columns, row["cells"], strict=True)
            self._rows.append((key, [self._cell(key | column, printed) for column, printed in pairs]))

    def _cell(self, key: Key, printed: str) -> Cell:
        found = _NUMBER.match(printed)
        value, spread, note = (found[1], found[2], "") if found else (None, None, "")
        for extra in self._cell_notes:
            if all(key.get(part) == _plain(v) for part, v in extra["where"].items()):
                value, note = extra.get("value", value), extra["note"]
        number = None if value in (None, "null") else float(value)
        return Cell(key, printed, number, float(spread) if spread else None, note, self.source)

    def rows(self) -> list[tuple[Key, list[Cell]]]:
        """The rows from top to bottom: the row key and its cells from left to right."""
        return self._rows

    def keys(self) -> dict[str, list[Any]]:
        """What addresses a cell: each part of the key with its values, in the order of the table."""
        parts: dict[str, dict[Any, None]] = {}
        for part, value in (item for cell in self.cells() for item in cell.key.items()):
            parts.setdefault(part, {})[value] = None
        return {part: list(values) for part, values in parts.items()}

    def cells(self, **where: Any) -> list[Cell]:
        """The cells whose key agrees with `where`, row by row; `part=None`: cells without that part."""
        want = {part: _plain(value) for part, value in where.items()}
        for part, value in want.items():
            one_of(f"part of a cell's key in {self.source}", part, self.keys())
            one_of(f"{part} in {self.source}", value, [None] if value is None else self.keys()[part])
        return [c for _, row in self._rows for c in row if all(c.key.get(k) == v for k, v in want.items())]

    def value(self, **where: Any) -> float:
        """The number of the one cell that agrees with `where`, as printed, in the table's `unit`."""
        found = self.cells(**where)
        if len(found) != 1:
            hint = f"they begin with {[c.key for c in found[:4]]}" if found else f"allowed: {self.keys()}"
            raise InputError(f"{where} names {len(found)} cells of {self.source}, one is wanted; {hint}")
        if found[0].value is None:
            raise InputError(f"no number in {self.source} at {where}: {found[0].note or found[0].printed!r}")
        return found[0].value


class Paper:
    """A paper's `meta`, `tables`, `settings`, `statements`, captions of `figures`, and printed `oddities`."""

    def __init__(self, name: str, data: dict[str, Any]) -> None:
        self.name, self.meta = name, data["meta"]
        self.figures: dict[str, str] = data.get("figures", {})
        self.oddities: list[dict[str, str]] = data.get("oddities", [])
        tables = data.get("tables") or data["other_sources"]
        self.tables = {t: Table(d.get("source") or cell_source(name, t), d) for t, d in tables.items()}
        self.statements = {s: Statement(s, **d) for s, d in data.get("statements", {}).items()}
        self._layers: list[dict[str, Any]] = data.get("settings", [])
        known = [*(f"Table {t}" for t in self.tables), *(f"Figure {f}" for f in self.figures)]
        for layer in self._layers:
            for part in layer:
                one_of(f"part of the settings of {name}", part, _LAYER)
            for of in _listed(layer.get("of", [])):
                one_of(f"table or figure of {name}", of, known)

    def settings(self, of: str, **key: Any) -> dict[str, Setting]:
        """What the paper says of the runs behind "Table 2" or "Figure 5", for a `method`, `dataset`, `arm`.

        The file's layers in their order: each holds for the tables and figures in `of` (all without it) and
        the keys in `where`; a later one speaks over an earlier one, whose `released` stays unless it has its own.
        """
        merged: dict[str, dict[str, Any]] = {}
        for layer in self._layers:
            if of not in _listed(layer.get("of", of)):
                continue
            if any(key.get(part) not in _listed(values) for part, values in layer.get("where", {}).items()):
                continue
            for name, entry in layer["says"].items():
                new = entry if isinstance(entry, dict) else {"value": entry}
                for part in new:
                    one_of(f"part of setting {name!r} in {self.name}", part, _ENTRY)
                before = merged.get(name, {})
                kept = before if "value" not in new else {k: v for k, v in before.items() if k == "released"}
                merged[name] = kept | new
        return {name: _setting(name, e) for name, e in merged.items() if e["value"] != NO_PART}

    def table(self, name: str | int) -> Table:
        """Table `name` as the paper numbers it: "3", "S1"."""
        one_of(f"table of {self.name}", str(name), self.tables)
        return self.tables[str(name)]

    def statement(self, name: str) -> Statement:
        """Statement `name`: "thm-3", "prop-3.1", "thm-3.4-restated", "eq-1", "question-4.1" ..."""
        one_of(f"statement of {self.name}", name, self.statements)
        return self.statements[name]


def cell_source(arxiv_id: str, table: str | int) -> str:
    """How the source of a cell is written, in claims too: "2406.16468 Table 3"."""
    return f"{arxiv_id} Table {table}"


def lookup(source: str) -> Table:
    """The table that a source such as "2406.16468 Table 3" names."""
    name, _, table = source.partition(" Table ")
    return load(name).table(table)


@lru_cache
def load(arxiv_id: str) -> Paper:
    """The paper with this arXiv id, or "other" for numbers published elsewhere; each file is read once."""
    import yaml  # an extra of the book; BaseLoader leaves every scalar as printed: "0.10"

    files = {path.stem: path for path in sorted((data_dir() / "papers").glob("*.yml"))}
    one_of("paper", arxiv_id, files)
    return Paper(arxiv_id, yaml.load(files[arxiv_id].read_text(encoding="utf-8"), yaml.BaseLoader))


REPRODUCED = ("2406.16468", "2502.09252", "2403.18699")
"""The papers that the book takes apart, as it lists them."""


def short(arxiv_id: str) -> str:
    """What the book calls a paper, such as *Hidden Pitfalls*."""
    return str(load(arxiv_id).meta["short"])


def cite(arxiv_id: str) -> str:
    """A paper's key in the book's bibliography."""
    return str(load(arxiv_id).meta["cite"])


def shorts() -> dict[str, str]:
    """The papers' short names by arXiv id."""
    return {name: short(name) for name in REPRODUCED}
