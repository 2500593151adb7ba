r"""How large InfoNCE's repulsion is, beside its attraction.

Source: 2406.16468 Appendix B, footnote 4; 2502.09252 A.2.
"""

from __future__ import annotations

from typing import Any

from ssllib.proofs.batches import (
    BatchRelation,
    GramBatch,
)
from ssllib.proofs.infonce import OVER_NORM, REPULSION
from ssllib.proofs.infonce_formulas import (
    attraction,
    partition,
    repulsion,
    similarity,
)
from ssllib.proofs.spaces import Formula
from ssllib.proofs.statements import Statement, examine


class Mean(BatchRelation):
    r"""Repulsion below a bound: $\|\sum_k p_k u_k\| <$ or $\leq$ it, for tangent vectors u and weights p.

    `right` is the bound at points of the plane; what Z3 is asked is about any two vectors a (the positive's)
    and b of any dimension, known through their inner products, and any weight. For `largest`, the bound on
    more than two follows by induction: a mean of m + 1 vectors is a mean of one and a mean of the rest.
    """

    largest: bool = False

    def proved(self) -> bool:
        import z3

        aa, bb, ab, weight, top = z3.Reals("aa bb ab weight top")
        solver = z3.Solver()
        solver.add(aa >= 0, bb >= 0, ab * ab <= aa * bb, weight > 0, weight < 1)
        square = weight * weight * aa + 2 * weight * (1 - weight) * ab + (1 - weight) * (1 - weight) * bb
        if self.largest:
            solver.add(top >= aa, top >= bb, square > top)
        else:
            solver.add(square >= aa if self.sign == "<" else square > aa)
        return bool(solver.check() == z3.unsat)


class LargestMean(Mean):
    largest = True


def squared_size(f: Formula) -> Formula:
    return lambda s: s.dot(s.gradient(f), s.gradient(f))


def smaller(seed: int) -> list[Statement]:
    """Is the repulsive part of the gradient smaller than the attractive one?"""

    def longest(s: Any) -> Any:
        return s.largest(*(s.dot(u, u) for u in (s.perp(s.unit(t), s.z) for t in s.others))) / s.dot(s.z, s.z)

    names = ("repulsive, squared", "attractive, squared")
    attractive = rf"\lVert {REPULSION} \rVert < \lVert \nabla_i^{{\mathcal A}} \rVert"
    bound = r"\max_{k \neq i} \frac{\sin \phi_{ik}}{\lVert z_i \rVert}"
    return [
        examine(
            "2406.16468 footnote 4, 2502.09252 A.2",
            attractive,
            Mean(squared_size(repulsion), squared_size(attraction), "<", names=names),
            corrected=(
                rf"\lVert {REPULSION} \rVert \leq {bound} \leq {OVER_NORM}",
                LargestMean(squared_size(repulsion), longest, "<="),
            ),
        ),
        weighted_mean(),
    ]


def weighted_mean() -> Statement:
    """The weights of the repulsion are positive and add up to 1."""
    checks = []
    for m in (1, 2, 3):
        s = GramBatch(m)
        total = sum(similarity(s, s.z, t) / partition(s) for t in s.others)
        checks.append(s.vanishes(total - 1) and bool(similarity(s, s.z, s.t).is_positive))
    tex = r"p_{ik} > 0, \quad \sum_{k \neq i} p_{ik} = 1"
    return Statement("why", tex, all(checks), "SymPy", role="added")


CHECKS = {"repulsion-smaller": smaller}
