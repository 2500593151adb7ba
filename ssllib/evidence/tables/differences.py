"""Differences between printed numbers, and sentences about them: one line each, the words are written once.

A sentence that names no quantity is read as of *most* cells, "often" as of a third, "can" as of one. "All", "each"
and "essentially" allow a cell the other way by less than a point of accuracy, the smallest difference that matters in
this book. To the letter, each but the hedged ones is of `every` cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ssllib.evidence.papers import Key, Table
from ssllib.evidence.tables.compare import (
    Check,
    Finding,
    Load,
    count,
    label,
    listed,
    mean,
    number,
    plain,
    points,
    signed,
)

POINT = Decimal(1)  # of accuracy, in percent: the smallest difference that matters


@dataclass(frozen=True)
class Gain:
    """One number less another, both in percent."""

    label: str
    value: Decimal
    minus: Decimal
    key: Key

    @property
    def points(self) -> Decimal:
        return self.value - self.minus

    @property
    def row(self) -> tuple[str, str]:
        return self.label, f"{plain(self.value)} − {plain(self.minus)} = {signed(self.points)}"


def compare(table: Table, one: Key, other: Key, **where: Any) -> list[Gain]:
    """Each cell that agrees with `one` (and `where`), less the cell with the same key but for `other`.

    `compare(table, {"arm": "cut"}, {"arm": "default"})`: what the cut gains, row by row. The constants `c` and
    `p` belong to the arm and are not part of the rest of the key, unless `one` names them.
    """
    found = []
    for cell in table.cells(**one, **where):
        shared = {k: v for k, v in cell.key.items() if k not in {*one, "c", "p"}}
        name = label(shared if "c" not in one else {"c": cell.key["c"], **shared})
        found.append(
            Gain(
                name,
                number(cell, table.unit),
                points(table, **shared, **other),
                shared | {"source": table.source},
            )
        )
    return found


def rows(gains: Iterable[Gain]) -> tuple[tuple[str, str], ...]:
    return tuple(g.row for g in gains)


def smallest(gains: Iterable[Gain]) -> Gain:
    return min(gains, key=lambda g: g.points)


def largest(gains: Iterable[Gain]) -> Gain:
    return max(gains, key=lambda g: g.points)


# --- quantities -------------------------------------------------------------------------------------------

Rule = Callable[[Sequence[Gain]], bool]


def up(gains: Iterable[Gain]) -> int:
    """How many are positive."""
    return sum(g.points > 0 for g in gains)


def most(gains: Sequence[Gain]) -> bool:
    return 2 * up(gains) > len(gains)


def often(gains: Sequence[Gain]) -> bool:
    return 3 * up(gains) >= len(gains)


def each(gains: Sequence[Gain]) -> bool:
    """Most are positive, and none is a point or more the other way."""
    return most(gains) and all(g.points > -POINT for g in gains)


def every(gains: Sequence[Gain]) -> bool:
    """All are positive."""
    return up(gains) == len(gains)


def at_least(points: int) -> Rule:
    """All are so large."""
    return lambda gains: all(g.points >= points for g in gains)


def in_each(part: str, rule: Rule) -> Rule:
    """Does `rule` hold of the differences that agree in a part of their keys, for each value of it?"""

    def check(gains: Sequence[Gain]) -> bool:
        return all(rule([g for g in gains if g.key[part] == value]) for value in {g.key[part] for g in gains})

    return check


# --- sentences --------------------------------------------------------------------------------------------


def finding(found: Sequence[Gain], rule: Rule, letter: Rule | None = None) -> Finding:
    """Whether `rule` holds of the differences, and `letter` (without: `rule` too), in words and numbers."""
    least, greatest = smallest(found), largest(found)
    if len(found) == 1:
        said = f"The difference is {signed(least.points)} points."
    else:
        said = (
            f"{count(up(found), len(found)).replace('all 2', 'both').capitalize()} differences are positive, "
            f"{sum(g.points >= POINT for g in found)} reach one point. They lie between "
            f"{signed(least.points)} ({least.label}) and {signed(greatest.points)} ({greatest.label}), the mean is "
            f"{signed(mean([g.points for g in found]))}."
        )
        low = [f"{g.label} ({signed(g.points)})" for g in found if g.points <= 0]
        said += f" Not positive: {listed(low)}." if low else ""
    return Finding(rule(found), said, rows(found), (letter or rule)(found))


def gains(
    tables: str | Sequence[str], pairs: tuple[Key, Key] | Sequence[tuple[Key, Key]], rule: Rule,
    letter: Rule | None = None, **where: Any,
) -> Check:  # fmt: skip
    """The check whether `rule` holds of all differences in tables such as "2502.09252 Table 2".

    `pairs`: what is compared, (one, other) for one less the other; with several, and with several tables, each
    difference is named by its own.
    """
    names = [tables] if isinstance(tables, str) else list(tables)
    many = [pairs] if isinstance(pairs, tuple) else list(pairs)

    def check(load: Load) -> Finding:
        return finding(collect(load, names, many, **where), rule, letter)

    return check


def collect(load: Load, tables: Sequence[str], pairs: Sequence[tuple[Key, Key]], **where: Any) -> list[Gain]:
    """All differences of the pairs in the tables, labelled by what distinguishes them."""
    found = []
    for name in tables:
        paper, _, table = name.partition(" Table ")
        before = f"Table {table}: " if len(tables) > 1 else ""
        for one, other in pairs:
            named = f"{label(one)} less {label(other)}, " if len(pairs) > 1 and "c" not in one else ""
            found += [
                Gain(before + named + g.label, g.value, g.minus, g.key)
                for g in compare(load(paper).table(table), one, other, **where)
            ]
    return found
