"""What the arithmetic checks are written with: printed numbers as exact decimals, differences, findings."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ssllib.errors import InputError
from ssllib.evidence.papers import Cell, Key, Paper, Table

Load = Callable[[str], Paper]
"""Where a check gets its papers from: `ssllib.evidence.papers.load`, or altered ones in a test."""


@dataclass(frozen=True)
class Finding:
    """What a check found: whether a sentence is true of the tables, why in words, and the numbers behind it.

    `holds` is by the ordinary reading of the sentence; `literally` is False where it holds but its letter fails.
    `numbers` are rows (label, what the cells say), in the order of the table.
    """

    holds: bool
    sentence: str
    numbers: tuple[tuple[str, str], ...] = ()
    literally: bool = True

    @property
    def word(self) -> str:
        return "true" if self.holds else "false"


Check = Callable[[Load], Finding]


# --- numbers ----------------------------------------------------------------------------------------------


def number(cell: Cell, unit: str) -> Decimal:
    """A cell's number exactly as printed; of a table of fractions in percent. `InputError` without a number."""
    if cell.value is None:
        raise InputError(f"no number in {cell.source} at {cell.key}: {cell.note or repr(cell.printed)}")
    text = cell.printed.rstrip("%")
    same = text.replace(".", "", 1).isdigit() and float(text) == cell.value  # then with its trailing zeros
    value = Decimal(text if same else str(cell.value))
    return value.scaleb(2) if unit == "fraction" else value


def points(table: Table, **where: Any) -> Decimal:
    """The number of the one cell that agrees with `where`, in the table's unit, fractions in percent."""
    found = table.cells(**where)
    if len(found) != 1:
        table.value(**where)  # an InputError that says what is wrong
    return number(found[0], table.unit)


def whole(value: Decimal) -> int:
    """Rounded to a whole number, halves away from zero."""
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def agrees(value: Decimal, said: int, *, about: bool = False, unit: int = 1) -> bool:
    """Does the round number `said`, a multiple of `unit`, stand for `value` in ordinary words?

    It does when it lies less than one unit off, whichever way it was rounded; with "about", "around" or "roughly"
    less than two.
    """
    return abs(value - said) < (2 if about else 1) * unit


def rounds_to(value: Decimal, said: int, *, unit: int = 1) -> bool:
    """Is `said` the multiple of `unit` nearest to `value`, halves away from zero: does it agree to the letter?"""
    return whole(value / unit) * unit == said


def mean(values: Sequence[Decimal]) -> Decimal:
    """The mean to two decimals."""
    return (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def plain(value: Decimal | int) -> str:
    return f"{value:f}".replace("-", "−") if isinstance(value, Decimal) else str(value)


def signed(value: Decimal) -> str:
    return f"{value:+f}".replace("-", "−")


def times(ratio: Decimal) -> str:
    return f"{ratio:.2f}"


_NAMES = {"BT": "Barlow Twins", "VICreg": "VICReg", "top1": "top-1", "top5": "top-5"}
_PARTS = {"epoch": "epoch {}", "labels": "{} % of the labels", "batch": "batch {}", "c": "c = {}"}


def label(key: Key, leave: Iterable[str] = ()) -> str:
    """A key in words, such as "SimCLR, CIFAR-10, epoch 100", without the parts in `leave`."""
    words = []
    for part, value in key.items():
        if part == "weight_decay":
            words.append(f"λ = {value:.0e}".replace("e-0", "e-") if value else "λ = 0")
        elif part not in leave:
            words.append(_PARTS.get(part, "{}").format(_NAMES.get(value, value)))
    return ", ".join(words)


# --- words ----------------------------------------------------------------------------------------------


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"; with commas inside, semicolons between."""
    mark = "; " if any("," in w for w in words) else ", "
    return mark.join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1] if words else "none"


def count(n: int, total: int) -> str:
    return f"all {total}" if n == total else f"none of {total}" if n == 0 else f"{n} of {total}"


# --- how much hangs on the last digit ---------------------------------------------------------------------


def shaken(load: Load, draw: random.Random) -> Load:
    """The papers with each printed number moved at random within its rounding, half a unit of its last digit.

    What was measured lies somewhere in that range. The papers themselves are left as they are, and so are the
    facts from elsewhere, which are mostly counts and settings.
    """
    moved: dict[str, Paper] = {}

    def give(name: str) -> Paper:
        if name == "other":
            return load(name)
        if name not in moved:
            moved[name] = copy.deepcopy(load(name))
            for table in moved[name].tables.values():
                for _, cells in table.rows():
                    cells[:] = [_shake(cell, draw) for cell in cells]
        return moved[name]

    return give


def _shake(cell: Cell, draw: random.Random) -> Cell:
    if cell.value is None:
        return cell
    digits = len(cell.printed.rstrip("%").partition(".")[2])
    return replace(cell, value=round(cell.value + draw.uniform(-0.5, 0.5) * 10**-digits, digits + 4))
