"""What pages on proofs show is what was recorded, and is proved again."""

import copy
import dataclasses
from typing import Any

import pytest

from ssllib.errors import InputError
from ssllib.pages import page
from ssllib.pages.proof_report import Decided, Differs
from ssllib.runs import records
from ssllib.runs.records import Record

CHECKS = ("cosine-gradient-sign-2502", "cosine-gradient-magnitude")


def recorded() -> dict[str, list[Record]]:
    """The committed records of two quick checks, as a page gets them."""
    return {r.cell: [r] for r in records.committed().find("proofs", "paper") if r.cell in CHECKS}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is displayed."""
    found: list[str] = []
    monkeypatch.setattr(page, "show", found.append)
    return found


def test_a_page_has_the_recorded_statements_of_its_checks_and_roles() -> None:
    decided = Decided(recorded(), *CHECKS)
    statements = [s for check in CHECKS for s in recorded()[check][0].final["statements"]]
    assert decided.statements(*CHECKS) == statements
    claims = [s for s in statements if s["role"] == "claim"]
    assert decided.statements(*CHECKS, roles=("claim",)) == claims != statements


def test_proved_again_in_order_and_as_recorded(shown: list[str]) -> None:
    Decided(recorded(), *reversed(CHECKS)).again()
    (text,) = shown
    names = [line.split("`")[1] for line in text.splitlines() if "`" in line]
    assert names == list(reversed(CHECKS))
    for check, (record,) in recorded().items():
        (row,) = [line for line in text.splitlines() if f"`{check}`" in line]
        assert record.final["outcome"] in row and f" {len(record.final['statements'])} " in row


def changed(where: str) -> dict[str, list[Record]]:
    """The records, one of which says something else."""
    found = recorded()
    final: dict[str, Any] = copy.deepcopy(found[CHECKS[1]][0].final)
    if where == "outcome":
        final["outcome"] = "refuted"
    elif where == "statement":
        final["statements"][0]["holds"] = not final["statements"][0]["holds"]
    elif where == "words":
        final["statements"][-1]["printed"] += " "
    elif where == "one more":
        final["statements"].append(final["statements"][0])
    found[CHECKS[1]] = [dataclasses.replace(found[CHECKS[1]][0], final=final)]
    return found


@pytest.mark.parametrize("where", ["outcome", "statement", "words", "one more"])
def test_a_record_that_says_something_else_stops_the_page(shown: list[str], where: str) -> None:
    with pytest.raises(Differs, match=f"{CHECKS[1]} came out differently from its record"):
        Decided(changed(where), *CHECKS).again()
    assert not shown


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="unknown check 'cosine'; allowed: .* names, the nearest cosine-bound, "):
        Decided(recorded(), "cosine")
    with pytest.raises(InputError, match="no record of the check cosine-bound yet; make it with: python -m ssllib run"):
        Decided(recorded(), "cosine-bound")
    decided = Decided(recorded(), CHECKS[0])
    with pytest.raises(InputError, match=f"unknown check of this page '{CHECKS[1]}'; allowed: {CHECKS[0]}"):
        decided.statements(CHECKS[1])
    with pytest.raises(InputError, match="unknown role 'lemma'; allowed: claim, proof, added"):
        decided.statements(CHECKS[0], roles=("lemma",))
