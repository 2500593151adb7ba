"""What the names in printed statements about two embeddings stand for (`ssllib.theory.proofs.reading`)."""

from __future__ import annotations

from typing import Any

from ssllib.theory.proofs.formulas import cosine, embedding, farther, gradient, loss, moved, negative
from ssllib.theory.proofs.reading import IDENTITY, Angle, Reading

PAIR: dict[str, Any] = {
    "z_i": embedding,
    "z": embedding,
    "z_j": lambda s: s.t,
    "t": lambda s: s.t,
    r"\gamma": lambda s: s.gamma,
    "k": lambda s: 1 + s.gamma,
    "I": IDENTITY,
    r"\phi_{ij}": Angle(cosine),
    r"\phi": Angle(cosine),
    r"\nabla_i^{\mathcal A}": gradient,
    r"\nabla_i": gradient,
    r"\nabla": gradient,
    r"\mathcal L_i^{\mathcal A}": loss,
    "z_i'": moved(negative(gradient)),
    "z'": moved(negative(gradient)),
    r"\nabla \cos(z)": negative(gradient),
    r"\nabla \cos(k z)": farther(negative(gradient)),
}
r"""z_i is z, z_j is t; k is any number above 1, 1 + gamma; z' is z after a step of descent at the rate gamma."""


def pair(words: dict[str, Any] | None = None, squared: bool = False, **options: Any) -> Reading:
    """How a statement about two embeddings is read, with further words."""
    return Reading(PAIR | (words or {}), squared=squared, options=options)
