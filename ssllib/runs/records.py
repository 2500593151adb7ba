"""Records: what a run left, written whole or not at all, and checked when read.

A record is one JSON file, with a `.npz` beside it where a page needs arrays. Files lie at
`<store>/<scale>/<experiment>/<cell>-s<seed>-<first 8 of the identity>.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ssllib.engine import config as configs
from ssllib.engine.config import Result as Result
from ssllib.errors import InputError
from ssllib.paths import other_records_dir, project_records_dir, smoke_dir, user_records_dir

SCALES = ("smoke", "cpu", "gpu", "paper")
STATUSES = ("finished", "diverged", "interrupted")
_EXAMPLE = "~/.cache/ssllib/records/cpu/simclr-arms/cut-s0-0123abcd.json"
_KEYS = ("kind", "identity", "experiment", "cell", "scale", "config", "status", "history", "final",
         "arrays", "provenance")  # fmt: skip


@dataclass
class Record:
    """A result with the configuration that made it and where it came from."""

    kind: str
    identity: str
    experiment: str
    cell: str
    scale: str
    config: dict[str, Any]
    status: str
    history: list[dict[str, Any]]
    final: dict[str, Any]
    provenance: dict[str, Any]
    path: Path | None = None
    loaded: dict[str, np.ndarray] | None = None

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays beside the record; empty when it has none."""
        if self.loaded is not None:
            return self.loaded
        file = self.path.with_suffix(".npz") if self.path else None
        if file is None or not file.exists():
            return {}
        with np.load(file, allow_pickle=False) as z:
            return {name: z[name] for name in z.files}

    def column(self, metric: str) -> list[float]:
        """One metric over the history; rows without it are left out."""
        return [row[metric] for row in self.history if metric in row]

    def equals(self, other: Record) -> bool:
        """Same history, final numbers and arrays; provenance is left out."""
        same = (self.status, self.history, self.final) == (other.status, other.history, other.final)
        mine, theirs = self.arrays, other.arrays
        return same and mine.keys() == theirs.keys() and all(_same(mine[k], theirs[k]) for k in mine)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal entries; what is not a number equals itself."""
    return np.array_equal(a, b, equal_nan=np.issubdtype(a.dtype, np.inexact))


class Store:
    """A folder of records. All reading goes through `_read`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cache: dict[Path, tuple[int, Record]] = {}

    def __iter__(self) -> Iterator[Record]:
        return self._read("*/*")

    def _read(self, folders: str) -> Iterator[Record]:
        """The records below the folders, in the order of their paths; a file is read again when it has changed."""
        for path in sorted(self.folder.glob(f"{folders}/*.json")):
            if path.name.startswith("."):  # a desktop's or an archive's note on a file
                continue
            stamp = path.stat().st_mtime_ns
            if path not in self._cache or self._cache[path][0] != stamp:
                self._cache[path] = (stamp, read(path))
            yield self._cache[path][1]

    def find(self, experiment: str, scale: str | None = None) -> list[Record]:
        """The records of an experiment, by cell and seed."""
        return sorted(self._read(f"{scale or '*'}/{experiment}"), key=lambda r: (r.cell, r.seed))

    def get(self, identity: str, experiment: str = "", cell: str = "") -> Record | None:
        """The record of a run, if it is here; where several experiments hold it, that of the one named."""
        found = None
        for path in sorted(self.folder.glob(f"*/*/*-{identity[:8]}.json")):
            record = read(path)
            if record.identity == identity:
                if (record.experiment, record.cell) == (experiment, cell):
                    return record
                found = found or record
        return found

    def path(self, scale: str, experiment: str, cell: str, seed: int, identity: str) -> Path:
        return self.folder / scale / experiment / f"{cell}-s{seed}-{identity[:8]}.json"


def project() -> Store:
    """The records that are kept with the book, in `data/records`."""
    return _store(project_records_dir())


def committed() -> Store:
    """The records that pages and verdicts are drawn from: the book's own.

    Where `$SSLLIB_BOOK_RECORDS` names a folder, its experiments stand in the place of the book's (`declared.Instead`).
    """
    folder, book = other_records_dir(), project()
    if folder is None or folder == book.folder:
        return book
    key = (folder, book.folder)
    if key not in _OTHER:
        from ssllib.runs.declared import Declared, Instead

        _OTHER[key] = Instead(Declared(folder), book)
    return _OTHER[key]


def smoke() -> Store:
    """This machine's ignored smoke runs, shared by the pages."""
    return _store(smoke_dir())


def own() -> Store:
    """A user's own runs (`$SSLLIB_RECORDS`); they never change the scoreboard."""
    return _store(user_records_dir())


_STORES: dict[Path, Store] = {}
_OTHER: dict[tuple[Path, Path], Store] = {}


def _store(folder: Path) -> Store:
    return _STORES.setdefault(folder, Store(folder))


def damaged(files: Iterable[Path]) -> list[str]:
    """What is wrong with each damaged record among the files, a line for each."""
    lines = []
    for path in files:
        try:
            read(path)
        except InputError as e:
            lines.append(str(e))
    return lines


def _digest(body: dict[str, Any]) -> str:
    content = {k: body[k] for k in _KEYS if k != "provenance"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read(path: Path) -> Record:
    """Read and check one record.

    Raises:
        InputError: one line that names the file and what is wrong with it.
    """
    if not path.is_file():
        raise InputError(f"there is no record {path}; allowed: files that `run` wrote, such as {_EXAMPLE}")
    remedy = f"restore it from version control, or delete {path.name} and run it again"
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        missing = [k for k in (*_KEYS, "sha256") if k not in body]
    except (ValueError, OSError, TypeError) as e:
        raise InputError(f"damaged record {path}: not readable ({str(e).splitlines()[0]}); {remedy}") from e
    if missing:
        raise InputError(f"damaged record {path}: {', '.join(missing)} missing; {remedy}")
    if body["sha256"] != _digest(body):
        raise InputError(f"damaged record {path}: its content does not match its checksum; {remedy}")
    arrays = body["arrays"]
    if arrays is not None:
        file = path.with_suffix(".npz")
        if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != arrays:
            raise InputError(f"damaged record {path}: its arrays {file.name} are missing or altered; {remedy}")
    fields = {k: body[k] for k in _KEYS if k != "arrays"}
    return Record(**fields, path=path)


def write(path: Path, record: Record, arrays: dict[str, np.ndarray] | None = None) -> Record:
    """Write a record atomically: arrays first, then the JSON that names their checksum."""
    configs.kind(record.kind)  # an unknown kind could not be read back
    path.parent.mkdir(parents=True, exist_ok=True)
    checksum = None
    if arrays:
        file = path.with_suffix(".npz")
        temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
        with open(temporary, "wb") as f:
            np.savez_compressed(f, **arrays)  # type: ignore[arg-type]
        checksum = hashlib.sha256(temporary.read_bytes()).hexdigest()
        os.replace(temporary, file)
    body = {k: getattr(record, k) for k in _KEYS if k != "arrays"} | {"arrays": checksum}
    body = json.loads(json.dumps(body))  # what will be read back, tuples as lists
    body["sha256"] = _digest(body)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(_layout(body), encoding="utf-8")
    os.replace(temporary, path)
    return read(path)


def _layout(body: dict[str, Any]) -> str:
    """JSON with one line per history row, so that a record can be read and compared by eye."""
    lines = []
    for key, value in body.items():
        if key == "history" and value:
            rows = ",\n".join("  " + json.dumps(row) for row in value)
            lines.append(f' "{key}": [\n{rows}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"
