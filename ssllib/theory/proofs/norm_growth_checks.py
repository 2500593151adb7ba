"""A step of gradient descent on the cosine similarity never shrinks the embedding it moves.

Source: 2406.16468 Cor. 2 and A.2; 2502.09252 Cor. 3.3 and A.3 (first shown by Wang et al. 2017, NormFace).
"""

from __future__ import annotations

from ssllib.theory.proofs.formulas import gradient, moved, negative, perp_form, squared
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.statements import Statement, examine

NEVER_SHRINKS = r"\lVert z_i' \rVert \geq \lVert z_i \rVert"
AMOUNT = r"\lVert z_i' \rVert^2 = \lVert z_i \rVert^2 + \frac{\gamma^2}{\lVert z_i \rVert^2} \lVert "

after = squared(moved(negative(gradient)))
"""The squared norm after a step of descent."""


def growth(seed: int) -> list[Statement]:
    """The corollary, with each paper's own gradient: the printed sign does not matter here."""
    return [
        *(
            examine(source, NEVER_SHRINKS, pair({"z_i'": moved(negative(form))}, squared=True))
            for source, form in (
                ("2406.16468 Cor. 2", perp_form),
                ("2502.09252 Cor. 3.3", negative(perp_form)),
            )
        ),
        examine(
            "strictly, off the axis",
            r"\lVert z_i' \rVert > \lVert z_i \rVert \quad (\sin \phi_{ij} > 0)",
            pair(squared=True),
            role="added",
        ),
    ]


def amount(seed: int) -> list[Statement]:
    """By how much, as the proof of the corollary prints it: with z_j where its direction belongs."""
    return [
        examine(
            "2406.16468 A.2, 2502.09252 A.3",
            AMOUNT + r"(z_j)_{\perp z_i} \rVert^2",
            pair(names=("exact", "printed")),
            corrected=AMOUNT + r"(\hat z_j)_{\perp z_i} \rVert^2",
        )
    ]


CHECKS = {"step-never-shrinks-cosine": growth, "norm-growth-amount": amount}
