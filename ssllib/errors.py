"""The one error that users are meant to see."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


class InputError(ValueError):
    """Something the user gave is wrong: one line that names it and says what is allowed.

    The command line prints the message and exits with status 2; in a notebook the traceback is
    replaced by the message, so that a batch run's log ends with the reason.
    """

    def _render_traceback_(self) -> list[str]:  # called by IPython instead of formatting a traceback
        return [f"{type(self).__name__}: {self}"]


def one_of(what: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `InputError` unless `value` is one of `allowed`."""
    choices = list(allowed)
    if value not in choices:
        listed = ", ".join(str(c) for c in choices) or "nothing (none exists yet)"
        raise InputError(f"unknown {what} {value!r}; allowed: {listed}")


def is_number(value: object, kind: type = Real) -> bool:
    """Whether `value` is a number of a kind of `numbers`, Python's or numpy's; truth values are none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def in_range(what: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    """Raise `InputError` unless `low <= value <= high` (`low < value` when `open_low`)."""
    if not is_number(value) or not (low < value <= high if open_low else low <= value <= high):
        bracket = "(" if open_low else "["
        raise InputError(f"{what} is {value!r}; allowed: a number in {bracket}{low:g}, {high:g}]")


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
