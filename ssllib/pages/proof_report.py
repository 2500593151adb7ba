"""What the pages on proofs show: the recorded statements of their checks, and the same checks carried out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssllib.errors import InputError, one_of
from ssllib.pages import page
from ssllib.runs.records import Record
from ssllib.theory import proofs

ROLES = ("claim", "proof", "added")
"""What a statement can be: a paper's claim, a line of its proof, an addition of this book."""


class Differs(RuntimeError):
    """A check came out differently from its record."""


class Decided:
    """A page's checks as they were recorded.

    Args:
        records: the page's records of the experiment `proofs`, by check: `page.records("proofs")`, which the page
            itself must say, as this is how it is known to be out of date when a record changes.
        checks: the names of the checks, in the order in which they are carried out again.

    Raises:
        InputError: for an unknown check, and for one without a record.
    """

    def __init__(self, records: Mapping[str, Sequence[Record]], *checks: str) -> None:
        self.recorded: dict[str, Mapping[str, Any]] = {}
        for check in checks:
            one_of("check", check, proofs.CHECKS)
            if not records.get(check):
                raise InputError(
                    f"there is no record of the check {check} yet; "
                    "make it with: python -m ssllib run proofs --scale paper --commit"
                )
            self.recorded[check] = records[check][0].final

    def statements(self, *checks: str, roles: Sequence[str] = ROLES) -> list[Mapping[str, Any]]:
        """The recorded statements of some of the page's checks, of these roles."""
        for check in checks:
            one_of("check of this page", check, self.recorded)
        for role in roles:
            one_of("role", role, ROLES)
        return [s for check in checks for s in self.recorded[check]["statements"] if s["role"] in roles]

    def again(self) -> None:
        """Carry out every check of the page now, and display the outcomes.

        Raises:
            Differs: if one does not come to the same words as its record.
        """
        outcomes = []
        for check, before in self.recorded.items():
            proof = proofs.prove(check)
            if proof.to_dict() != before:
                raise Differs(f"{check} came out differently from its record")
            outcomes.append([f"`{check}`", len(proof.statements), proof.outcome])
        page.table(outcomes, ["check", "statements", "outcome"])
