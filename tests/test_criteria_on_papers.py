"""Every criterion, run on the papers' own printed numbers as if they had been measured exactly.

Where a criterion then says less than the claim's own word, either the sentence overclaims, and the claim's `note` says
so, or the criterion is wrong.
"""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from ssllib.evidence import claims
from ssllib.evidence.claims import Claim

OVERCLAIMS = "The sentence overclaims"
"""How a note begins that says so."""


def effect(cell: dict[str, Any]) -> float:
    """A cell's number from its `paper_effect`: a value, less another, in percent over another or log10 over it."""
    printed = cell["paper_effect"]
    value = float(printed["value"])
    if "minus" in printed:
        value -= float(printed["minus"])
    elif "over" in printed:
        value = 100 * (value / float(printed["over"]) - 1)
    elif "log10_over" in printed:
        value = math.log10(value / float(printed["log10_over"]))
    return round(value - float(cell.get("target", 0.0)), 9)


def cell_holds(number: float, direction: str, smallest: float) -> bool:
    """Whether an exact number meets a criterion: on the claimed side by `smallest`, or nearer to zero than that."""
    if direction == "0":
        return abs(number) < smallest
    return (number if direction == ">" else -number) >= smallest


def holds(cells: Sequence[bool], quantifier: str) -> bool:
    """Whether enough cells hold."""
    needed = {"each": len(cells), "most": len(cells) // 2 + 1, "often": math.ceil(len(cells) / 3), "some": 1}
    return sum(cells) >= needed[quantifier]


def on_paper(c: Claim) -> bool:
    """Whether the papers' printed numbers meet the criterion."""
    rule = c.criterion
    read = [
        cell_holds(effect(cell), rule["direction"], float(rule["smallest"]))
        for cell in c.cells
        if "paper_effect" in cell
    ]
    return holds(read, c.quantifier)


PRINTED = [c for c in claims.load().values() if any("paper_effect" in cell for cell in c.cells)]


@pytest.mark.parametrize("c", PRINTED, ids=lambda c: c.id)
def test_the_papers_numbers_meet_the_criterion_or_the_sentence_overclaims(c: Claim) -> None:
    overclaims = (c.note or "").startswith(OVERCLAIMS)
    assert on_paper(c) != overclaims, (
        f"{c.id} has a note that it overclaims, but its own numbers meet the criterion"
        if overclaims
        else f"{c.id}: the paper's own numbers do not meet the criterion, and no note says that the sentence overclaims"
    )


@pytest.mark.parametrize("c", PRINTED, ids=lambda c: c.id)
def test_an_effect_has_the_sides_of_its_estimand(c: Claim) -> None:
    """A cell with another arm's number subtracted (or divided by) prints both."""
    for cell in c.cells:
        if "paper_effect" in cell:
            sides = {"minus", "over", "log10_over"}
            assert sides & set(cell) == sides & set(cell["paper_effect"]), f"{c.id}: {cell['name']}"
            assert cell["paper_source"]


def test_many_cells_have_a_quantifier_and_one_has_none() -> None:
    wrong = [
        c.id
        for c in claims.load().values()
        if c.cells and (len(c.cells) > 1) != ("quantifier" in c.criterion)
    ]
    assert not wrong


def test_the_papers_spread_is_at_most_what_a_value_is_allowed() -> None:
    """A printed value is judged no more finely than the papers agree with themselves: 7.0 at epoch 100, 2.7 at 500."""
    for c in claims.load().values():
        if c.id.startswith("values-") and c.criterion["unit"] == "k-NN points":
            for cell in c.cells:
                assert c.criterion["smallest"] >= (7.0 if cell["value"]["epoch"] == 100 else 3.0), c.id


@pytest.mark.parametrize(
    "number,direction,expected",
    [(1.0, ">", True), (0.9, ">", False), (-1.0, "<", True), (0.9, "0", True), (1.0, "0", False)],
)
def test_a_cell(number: float, direction: str, expected: bool) -> None:
    assert cell_holds(number, direction, 1.0) is expected


def test_quantifiers() -> None:
    two_of_four = [True, True, False, False]
    assert [q for q in ("each", "most", "often", "some") if holds(two_of_four, q)] == ["often", "some"]
