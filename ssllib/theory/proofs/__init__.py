"""Machine checks of what the papers state and prove: proved, corrected, or refuted.

Each check in `CHECKS` transcribes statements as they are printed and has them decided
(`ssllib.theory.proofs.statements`); its outcome is computed from what came out. Needs SymPy and Z3, the `proofs` extra.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ssllib.engine import config as configs
from ssllib.engine.config import Result
from ssllib.errors import InputError, one_of
from ssllib.theory.proofs import (
    angle_bound,
    collapse_theorem,
    cosine,
    cosine_bound,
    gradscale_field,
    gradscale_potential,
    infonce,
    norm_growth_checks,
    repulsion_size,
    slowdown,
)
from ssllib.theory.proofs import norm_growth as one_lemma
from ssllib.theory.proofs.statements import Statement, Undecided

Check = Callable[[int], list[Statement]]
"""A check takes a seed, which draws the vectors of its numerical statements."""

CHECKS: dict[str, Check] = {
    **cosine.CHECKS,
    **norm_growth_checks.CHECKS,
    **infonce.CHECKS,
    **repulsion_size.CHECKS,
    **one_lemma.CHECKS,
    **cosine_bound.CHECKS,
    **slowdown.CHECKS,
    **angle_bound.CHECKS,
    **gradscale_field.CHECKS,
    **gradscale_potential.CHECKS,
    **collapse_theorem.CHECKS,
}


@dataclass(frozen=True)
class Proof:
    """What a check found."""

    check: str
    statements: tuple[Statement, ...]

    @property
    def outcome(self) -> str:
        """One word, from the claims alone (not from lines of proofs).

        "proved": all hold as printed. "corrected": each one that does not has a proved correction.
        "refuted": some claim is false and no correction is proved.

        Raises:
            Undecided: if a statement that this book adds fails. Such statements are what the decision on the claims
                rests on or is checked against, so that there is no outcome while one of them is false.
        """
        failed = [s.source for s in self.statements if s.role == "added" and not s.holds]
        if failed:
            raise Undecided(f"{self.check}: what was added to check it fails: {'; '.join(failed)}")
        false = [s for s in self.statements if s.role == "claim" and not s.holds]
        if not false:
            return "proved"
        return "corrected" if all(s.corrected for s in false) else "refuted"

    def to_dict(self) -> dict[str, Any]:
        return {"outcome": self.outcome, "statements": [s.to_dict() for s in self.statements]}


def prove(check: str, seed: int = 0) -> Proof:
    """Carry out one of `CHECKS`.

    Raises:
        InputError: for an unknown check, or where SymPy or Z3 is missing.
    """
    one_of("check", check, CHECKS)
    try:
        return Proof(check, tuple(CHECKS[check](seed)))
    except ModuleNotFoundError as e:
        raise InputError(
            f"proofs need {e.name}; allowed: an installation with `pip install ssllib[proofs]`"
        ) from e


@configs.register("proof")
@dataclass(frozen=True)
class ProofConfig(configs.RunConfig):
    """One check, as a run whose result is recorded."""

    runner: ClassVar[str] = "ssllib.theory.proofs:run_proof"

    check: str = "cosine-gradient"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("check", self.check, CHECKS)


def run_proof(config: ProofConfig, **options: Any) -> Result:
    """The check's outcome and statements as a result, the same on every machine."""
    return Result(status="finished", final=prove(config.check, config.seed).to_dict())
