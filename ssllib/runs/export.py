"""Records as a table: one row a run, or one row an epoch, as CSV or Parquet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ssllib.errors import InputError
from ssllib.paths import writable
from ssllib.runs.records import Record

Row = Mapping[str, Any]

NAMES = ("experiment", "cell", "scale", "seed", "identity")
"""What names a run, in front of every row. A setting is `config.NAME`, a number at the end `final.NAME`."""
_MADE = ("date", "device", "threads", "seconds", "images_per_second", "engine", "commit", "copy_of")


def _named(r: Record) -> dict[str, Any]:
    return {name: getattr(r, name) for name in NAMES}


def runs(found: Iterable[Record]) -> list[dict[str, Any]]:
    """A row for each run: its name, how it ended, what it measured at the end, its settings and where it was made."""
    return [
        _named(r)
        | {"status": r.status, "kind": r.kind}
        | {f"final.{name}": value for name, value in r.final.items()}
        | {f"config.{name}": value for name, value in r.config.items() if name != "seed"}
        | {name: r.provenance[name] for name in _MADE if name in r.provenance}
        for r in found
    ]


def epochs(found: Iterable[Record]) -> list[dict[str, Any]]:
    """A row for each epoch of each run (a step, in a simulation): the run's name and its numbers."""
    return [_named(r) | row for r in found for row in r.history]


def table_file(path: Path) -> Path:
    """`path`, if a table can be written there.

    Raises:
        InputError: for a name that ends neither in .csv nor in .parquet, Parquet without its packages, and a place
            that cannot be written.
    """
    if path.suffix not in (".csv", ".parquet") or path.is_dir():
        raise InputError(f"cannot write a table to {path}; allowed: a name ending in .csv or .parquet")
    if path.suffix == ".parquet" and (why := no_parquet()):
        raise InputError(f"{path}: {why}; allowed here: a name ending in .csv")
    writable("the folder of the table", path.parent)
    return path


def no_parquet() -> str:
    """Why Parquet cannot be written here; "" where it can."""
    missing = [name for name in ("pandas", "pyarrow") if find_spec(name) is None]
    return f"Parquet needs {' and '.join(missing)} (pip install {' '.join(missing)})" if missing else ""


def columns(rows: Iterable[Row]) -> list[str]:
    """The names in the rows, each once, in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def write_table(rows: Sequence[Row], path: Path, names: Sequence[str] = ()) -> Path:
    """Write rows under a temporary name, then rename; the suffix says as what.

    A cell without a value is empty; lists and dictionaries are JSON. `names`: columns to begin with, even where no
    row has them.
    """
    head = list(dict.fromkeys([*names, *columns(rows)]))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if path.suffix == ".parquet":
        import pandas

        found = {name: _one_type([row.get(name) for row in rows]) for name in head}
        pandas.DataFrame(found, columns=head).to_parquet(part, engine="pyarrow", index=False)
    else:
        with open(part, "w", newline="", encoding="utf-8") as f:
            table = csv.writer(f, lineterminator="\n")
            table.writerow(head)
            table.writerows([_text(row.get(name)) for name in head] for row in rows)
    os.replace(part, path)
    return path


def _text(value: Any) -> Any:
    """A value as a CSV cell: numbers in full, nothing for None, JSON for what has parts."""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value)
    return value


def _one_type(values: list[Any]) -> list[Any]:
    """A column in which all values have one type, as Parquet wants it: numbers, truth values, else texts."""
    there = [v for v in values if v is not None]
    if all(isinstance(v, bool) for v in there):
        return values
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in there):
        whole = all(isinstance(v, int) for v in there) and len(there) == len(values)
        return values if whole else [None if v is None else float(v) for v in values]
    return [None if v is None else str(_text(v)) for v in values]
