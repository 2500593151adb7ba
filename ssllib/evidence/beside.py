"""Verdicts from other records than the book's, beside those of the book."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator

from ssllib.evidence import claims, scoreboard, verdicts, words
from ssllib.evidence.verdicts import Verdict
from ssllib.runs.declared import Declared
from ssllib.runs.records import Record, Store


def text(own: Declared, book: Store) -> str:
    """What the records of a folder say of each claim, and what the book says where that is something else."""
    mine, theirs = scoreboard.all_verdicts(own), {v.claim.id: v for v in scoreboard.all_verdicts(book)}
    shown = [v for v in mine if _rests_on_records(v)]
    lines = [counted(own), *scoreboard.summary(own).splitlines()]
    differ = sum(v.short != theirs[v.claim.id].short for v in shown)
    width = max((len(v.claim.id) for v in shown), default=0)
    for part, title in scoreboard.TITLES.items():
        rows = [v for v in shown if v.claim.part == part]
        lines += ["", title] if rows else []
        for v in rows:
            other = theirs[v.claim.id].short
            lines.append(f"  {v.claim.id:<{width}}  {v.short}{f'  [the book: {other}]' if other != v.short else ''}")
    ids = {v.claim.id for v in shown}
    rest = sum(_rests_on_records(v) for name, v in theirs.items() if name not in ids)
    lines += ["", f"{len(shown)} verdicts from these records, {differ} other than the book's; {rest} of the book's "
              "have no record here, and those of the papers' tables need none."]  # fmt: skip
    return "\n".join(lines)


def counted(own: Declared) -> str:
    """Which records count, and how many do not."""
    count = sum(1 for _ in own)
    out = ", ".join(f"{n} {why}" for why, n in sorted(own.left_out().items()))
    return f"Records in {own.folder}: {count} may be evidence{f'; left out: {out}' if out else ''}."


def _rests_on_records(v: Verdict) -> bool:
    """Whether records stand behind a verdict; a question's is answered by claims that have some."""
    return bool(v.records) or v.word == words.ANSWERED


class Joined(Store):
    """A store with more records in it than its folder has."""

    def __init__(self, base: Store, more: Iterable[Record]) -> None:
        super().__init__(base.folder)
        self.base, self.more = base, list(more)

    def _read(self, folders: str) -> Iterator[Record]:
        yield from self.base._read(folders)
        yield from (r for r in self.more if fnmatch.fnmatch(f"{r.scale}/{r.experiment}", folders))


def changed(before: Store, after: Store, experiments: Iterable[str]) -> list[tuple[str, str, str]]:
    """Claim, verdict before and verdict after, for each claim on these experiments whose verdict changes."""
    used = set(experiments)
    found = []
    for c in (c for c in claims.load().values() if used & set(c.experiments)):
        old, new = verdicts.verdict(c, before).short, verdicts.verdict(c, after).short
        if old != new:
            found.append((c.id, old, new))
    return found
