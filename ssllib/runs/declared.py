"""Which records may be evidence: whole runs, with the settings that their experiment declares.

A user's own folder holds smoke runs, runs with `--set`, and runs of older engines beside them. Verdicts and pages see
such a folder through `Declared`, which leaves these out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ssllib.engine.config import kind
from ssllib.errors import InputError, one_of
from ssllib.runs import experiments
from ssllib.runs.records import SCALES, Record, Store

SMOKE = "of smoke scale"
CUT_SHORT = "interrupted"
OTHER = "not as declared"


def passed_over(r: Record) -> str:
    """Why a record is no evidence though nothing is wrong with it: a smoke run, or one that goes on; else ""."""
    if r.scale == "smoke":
        return SMOKE
    return CUT_SHORT if r.status == "interrupted" else ""


def check(r: Record) -> None:
    """Raise `InputError` unless a record may be evidence: a whole run of a declared cell, at a scale that counts."""
    why = passed_over(r)
    if why == SMOKE:
        raise InputError(f"{r.path} is of smoke scale; allowed: cpu, gpu, paper (a smoke run is no evidence)")
    if why:
        raise InputError(f"{r.path} is of a run that was interrupted; allowed: finished or diverged ones")
    try:
        one_of("scale", r.scale, SCALES)
        cell = experiments.get(r.experiment).cell(r.scale, r.cell)
        config = kind(r.kind).from_dict(r.config)
    except InputError as e:
        raise InputError(f"{r.path}: {e}") from e
    made = f"{r.path} is not the declared cell {r.experiment}/{r.cell}"
    if config.identity() != r.identity:
        raise InputError(f"{made}: its settings and its identity differ (another engine?); allowed: run it again")
    if not cell.declares(config):
        mine, own = config.to_dict(), cell.config.to_dict()
        names = [n for n in mine if mine[n] != own.get(n) and n != "seed"]
        listed = ", ".join(f"{n} is {mine[n]!r}, declared {own.get(n)!r}" for n in names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise InputError(f"{made}: {listed}{more}; allowed: only declared cells are evidence")


class Declared(Store):
    """A folder of records of which only those are seen that may be evidence."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._known: dict[Path | None, tuple[Record, str]] = {}

    def _read(self, folders: str) -> Iterator[Record]:
        return (r for r in super()._read(folders) if not self._why(r))

    def left_out(self) -> Counter[str]:
        """How many records of the folder are not seen, by the reason."""
        return Counter(why for r in super()._read("*/*") if (why := self._why(r)))

    def _why(self, r: Record) -> str:
        """Why a record is not seen; "" if it may be evidence."""
        known = self._known.get(r.path)
        if known is None or known[0] is not r:
            known = self._known[r.path] = (r, _reason(r))
        return known[1]


class Instead(Store):
    """A user's records in the place of the book's: of each experiment that has any, these alone; else the book's.

    A page whose experiment the user did not run, the machine-checked proofs above all, stays as it is in the book.
    """

    def __init__(self, own: Declared, book: Store) -> None:
        super().__init__(own.folder)
        self.own, self.book = own, book

    def experiments(self) -> list[str]:
        """Those that the user's records stand for."""
        return sorted({r.experiment for r in self.own})

    def _read(self, folders: str) -> Iterator[Record]:
        mine = {r.experiment for r in self.own._read(f"*/{folders.rpartition('/')[2]}")}  # of those asked for
        yield from self.own._read(folders)
        yield from (r for r in self.book._read(folders) if r.experiment not in mine)


def _reason(r: Record) -> str:
    if why := passed_over(r):
        return why
    try:
        check(r)
    except InputError:
        return OTHER
    own = r.path is not None and Store(r.path.parents[2]).path(r.scale, r.experiment, r.cell, r.seed, r.identity)
    return "" if r.path == own else OTHER  # under another name it would stand beside, or for, the run of that name


def evidence(given: str) -> Path:
    """The same as `folder`, where at least one record counts."""
    found = Declared(folder(given))
    if next(iter(found), None) is None:
        out = ", ".join(f"{n} {why}" for why, n in sorted(found.left_out().items())) or "it holds none"
        raise InputError(f"no record in {found.folder} may be evidence ({out}); allowed: whole runs of declared cells")
    return found.folder


def folder(given: str) -> Path:
    """The folder of records that a command line names: `own`, `book`, or a path.

    Raises:
        InputError: if there is no such folder.
    """
    from ssllib import paths

    named = {"own": paths.user_records_dir, "book": paths.project_records_dir}
    found = named[given]() if given in named else Path(given)
    if not found.is_dir():
        what = "is a file" if found.exists() else "is not there"
        raise InputError(f"the folder of records {found} {what}; allowed: own, book, or a folder that `run` wrote to")
    return found.resolve()
