"""The one error that users are meant to see."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from numbers import Integral, Real
from typing import Any


class InputError(ValueError):
    """Something the user gave is wrong: one line that names it and says what is allowed.

    The command line prints the message and exits with status 2; in a notebook the traceback is
    replaced by the message, so that a batch run's log ends with the reason.
    """

    def _render_traceback_(self) -> list[str]:  # called by IPython instead of formatting a traceback
        return [f"{type(self).__name__}: {self}"]


LISTED = 12
"""So many names are listed where one is wrong; of more, those nearest to it."""


def one_of(what: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `InputError` unless `value` is one of `allowed`."""
    choices = list(allowed)
    if value not in choices:
        raise InputError(f"unknown {what} {value!r}; allowed: {listed(value, choices)}")


def listed(value: object, choices: Iterable[object]) -> str:
    """The choices in words; of more than `LISTED`, the three nearest to `value` where any is near."""
    names = [str(c) for c in choices]
    if len(names) <= LISTED or not (near := nearest(str(value), names)):
        return ", ".join(names) or "nothing (none exists yet)"
    return f"{len(names)} names, the nearest {', '.join(near)}"


def nearest(value: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names most like `value`, or whose last part (after `/`) is; the best first."""
    wanted = value.casefold()
    leaf = wanted.rpartition("/")[2]

    def likeness(name: str) -> float:
        last = name.casefold().rpartition("/")[2]
        inside = 0.8 if leaf and (leaf in last or last in leaf) else 0.0
        ratios = (SequenceMatcher(None, *pair).ratio() for pair in ((wanted, name.casefold()), (leaf, last)))
        return max(inside, *ratios)

    scored = sorted(((likeness(n), n) for n in names), key=lambda pair: (-pair[0], pair[1]))
    return [name for score, name in scored[:count] if score >= 0.6]


def is_number(value: object, kind: type = Real) -> bool:
    """Whether `value` is a number of a kind of `numbers`, Python's or numpy's; truth values are none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def in_range(what: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    """Raise `InputError` unless `low <= value <= high` (`low < value` when `open_low`)."""
    if not is_number(value) or not (low < value <= high if open_low else low <= value <= high):
        span = f"above {_plain(low)}, at most {_plain(high)}" if open_low else f"from {_plain(low)} to {_plain(high)}"
        raise InputError(f"{what} is {value!r}; allowed: a number {span}")


def _plain(x: float) -> str:
    """A bound in figures, exactly; whole ones in full below 1e18."""
    if x == x // 1 and abs(x) < 1e18:
        return str(int(x))
    return f"{x:g}" if float(f"{x:g}") == x else repr(float(x))


def whole(what: str, value: Any, low: int, high: int) -> int:
    """`value` as an int; an `InputError` unless it is a whole number (no float, no truth value) from low to high."""
    if not is_number(value, Integral) or not low <= int(value) <= high:
        raise InputError(f"{what} is {value!r}; allowed: a whole number from {low} to {high}")
    return int(value)


def truth(what: str, value: object) -> None:
    """Raise `InputError` unless `value` is True or False (not 0, 1 or a text)."""
    if not isinstance(value, bool):
        raise InputError(f"{what} is {value!r}; allowed: True or False")


def reason(error: BaseException) -> str:
    """The first line of an exception's message, or its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
