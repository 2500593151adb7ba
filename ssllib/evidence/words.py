"""The words of verdicts, spelled in one place.

A claim is *confirmed*, *repaired*, *contradicted*, *unclear* or *untested*, a question *answered* or *open*; behind
the word stands a detail. Beside it stands where it was reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CONFIRMED, REPAIRED, CONTRADICTED = "confirmed", "repaired", "contradicted"
UNCLEAR, UNTESTED = "unclear", "untested"
ANSWERED, OPEN = "answered", "open"

VERDICTS = (CONFIRMED, REPAIRED, CONTRADICTED, UNCLEAR, UNTESTED)
ANSWERS = (ANSWERED, OPEN)
DECIDED = (CONFIRMED, REPAIRED, CONTRADICTED)

NO_EFFECT, OTHER_WAY, NOT_SO = "no effect", "the other way", "not so"
REPRODUCED = "reproduced"

SYMBOL = {
    CONFIRMED: "✓", REPAIRED: "↻", CONTRADICTED: "✗", UNCLEAR: "?", UNTESTED: "–", ANSWERED: "✓", OPEN: "?",
}  # fmt: skip
"""A shape for each word, so that colour never stands alone."""

WHERE = {
    "proof": "proof", "arithmetic": "table", "simulation": "simulation",
    "paper": "paper's own setting", "gpu": "gpu", "cpu": "small network",
}  # fmt: skip
"""Where a verdict was reached: by the claim's kind, and for trained networks by the scale of the records."""


class Reading(NamedTuple):
    """A verdict's word and the detail behind it."""

    word: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.word} ({self.detail})" if self.detail else self.word


OUTCOMES = {
    "proved": Reading(CONFIRMED, "proved"),
    "corrected": Reading(REPAIRED, "corrected"),
    "refuted": Reading(CONTRADICTED, "refuted"),
}
"""What the outcome of a machine check says of its claim."""


def outcome(name: str) -> Reading:
    """The reading of a machine check's outcome; anything that is no proof is unclear."""
    return OUTCOMES.get(name, Reading(UNCLEAR, name))


def of_tables(holds: bool, literally: bool) -> Reading:
    """The reading of an arithmetic check: by the ordinary reading of the sentence, the letter as a detail."""
    if not holds:
        return Reading(CONTRADICTED, "false as it reads")
    return Reading(CONFIRMED, "true" if literally else "literally, not")


def where(kind: str, scale: str | None) -> str:
    """Where a verdict on a claim of `kind` was reached, for `experiment` by the scale of its records."""
    return WHERE[scale or "paper"] if kind == "experiment" else WHERE.get(kind, "")


def combine(readings: Sequence[Reading], quantifier: str) -> Reading:
    """The reading of a claim of many cells, by the quantifier of its sentence.

    `each`: contradicted by one contradicted cell, confirmed when all measured cells are. `most`, `often` and
    `some` ask for more than half, at least a third and at least one of the measured cells; they are contradicted
    when too many cells are for that. Cells that are untested are counted beside.
    """
    measured = [r for r in readings if r.word != UNTESTED]
    n, yes = len(measured), sum(r.word == CONFIRMED for r in measured)
    no = sum(r.word == CONTRADICTED for r in measured)
    beside = len(readings) - n
    if not n:
        return Reading(UNTESTED)
    if len(readings) == 1:
        return readings[0]
    needed = {"each": n, "most": n // 2 + 1, "often": -(-n // 3), "some": 1}[quantifier]
    unit = "measured" if beside else "cells"
    if yes >= needed:
        word, count = CONFIRMED, f"{yes} of {n} {unit}"
    elif n - no < needed:
        details = {r.detail for r in measured if r.word == CONTRADICTED}
        same = f" {details.pop()}" if len(details) == 1 and "" not in details else ""
        word, count = CONTRADICTED, f"{no} of {n} {unit}{same}"
    else:
        word, count = UNCLEAR, f"{yes} of {n} {unit} confirmed" + (f", {no} contradicted" if no else "")
    return Reading(word, count + (f", {beside} not run" if beside else ""))
