r"""How large InfoNCE's repulsion is, beside its attraction.

Source: 2406.16468 Appendix B, footnote 4; 2502.09252 A.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssllib.theory.proofs.batches import BatchRelation, GramBatch
from ssllib.theory.proofs.infonce import OVER_NORM, REPULSION
from ssllib.theory.proofs.infonce_formulas import BATCH, attraction, batch, partition, repulsion, similarity
from ssllib.theory.proofs.reading import Angle, Indexed, Reading, SquaredRelation, evaluate, read, sides
from ssllib.theory.proofs.readings import Formula
from ssllib.theory.proofs.statements import Statement, examine


class TopBatch(GramBatch):
    """A batch in which the largest of some numbers is a symbol `top`, and the numbers are noted."""

    def __init__(self, m: int) -> None:
        super().__init__(m, tempered=False)
        self.top = self.sp.Symbol("top", positive=True)
        self.noted: list[Any] = []

    def largest(self, *values: Any) -> Any:
        self.noted += values
        return self.top


def pushes(s: Any) -> list[Any]:
    """u_k: the part of the other samples' directions orthogonal to z, over the norm of z."""
    return [s.perp(s.unit(t), s.z) / s.norm(s.z) for t in s.others]


class Mean(BatchRelation):
    r"""$\|\sum_k p_k u_k\|$ < or $\leq$ a bound, for the tangent vectors u and the weights p of the repulsion.

    First, that `left` is that length. Then what its bound is in terms of the lengths of u: c times that of the
    positive's, or c times the largest of all of them. What Z3 is asked is about any two vectors a (the positive's)
    and b of any dimension, known through their inner products, and any weight; the bound on more than two by the
    largest follows by induction: a mean of m + 1 vectors is a mean of one and a mean of the rest.
    """

    def proved(self) -> bool:
        import z3

        found = [self._bound(m) for m in self.sizes]
        if None in found or not all(map(self._is_mean, self.sizes)):
            return False
        largest, factors = found[-1][0], {factor for _, factor in found}  # type: ignore[index, misc]
        if len(factors) != 1:
            return False
        (factor,) = factors
        aa, bb, ab, weight, top = z3.Reals("aa bb ab weight top")
        solver = z3.Solver()
        solver.add(aa >= 0, bb >= 0, ab * ab <= aa * bb, weight > 0, weight < 1)
        square = weight * weight * aa + 2 * weight * (1 - weight) * ab + (1 - weight) * (1 - weight) * bb
        c = z3.RealVal(str(factor))
        solver.add(*((top >= c * aa, top >= c * bb) if largest else (top == c * aa,)))
        solver.add(square >= top if self.sign == "<" else square > top)
        return bool(solver.check() == z3.unsat)

    def _is_mean(self, m: int) -> bool:
        s = GramBatch(m, tempered=False)
        weights = [similarity(s, s.z, t) / partition(s) for t in s.others]
        mean = sum(p * u for p, u in zip(weights, pushes(s), strict=True))
        return s.vanishes(self.left(s) ** 2 - s.dot(mean, mean))

    def _bound(self, m: int) -> tuple[bool, Any] | None:
        """Whether the squared bound is of the largest length or of the positive's, and how many times; or None."""
        s = TopBatch(m)
        sp, bound = s.sp, s.sp.sympify(self.right(s))
        lengths = [s.dot(u, u) for u in pushes(s)]
        if s.noted and (len(s.noted) != m or sp.simplify(bound - s.top * bound.subs(s.top, 1)) != 0):
            return None  # not a multiple of the largest of all
        bounds = [bound.subs(s.top, x) for x in s.noted] or [bound]
        pairs = list(zip(bounds, lengths, strict=False))  # without a largest: that of the positive
        used = sorted({v for pair in pairs for x in pair for v in x.free_symbols}, key=str)
        here = {v: sp.Rational(k + 2, 3 * k + 7) for k, v in enumerate(used)}
        here |= {v: 5 + k for k, v in enumerate(used) if v.is_positive}  # so that no product exceeds those of norms
        factors = {sp.nsimplify(sp.N((a**2 / b).subs(here), 30), rational=True) for a, b in pairs}
        if len(factors) != 1 or any(not sp.N(a.subs(here)).is_positive for a, _ in pairs):
            return None
        (factor,) = factors
        return (bool(s.noted), factor) if all(s.vanishes(a**2 - factor * b) for a, b in pairs) else None


@dataclass(frozen=True)
class MeanReading(Reading):
    """A bound on the repulsion, and perhaps one on that bound, for two vectors in any dimension."""

    def relation(self, latex: str) -> Any:
        (left, sign, right), *more = sides(read(latex, tuple(self.words)))
        options = dict(self.options or {})
        if sign not in ("<", "<="):
            return Mean(self._formula(right), self._formula(left), sign.replace(">", "<"), **options)
        first = Mean(self._formula(left), self._formula(right), sign, **options)
        return Bounds(first, [self._pair(*m) for m in more]) if more else first

    def _pair(self, left: Any, sign: str, right: Any) -> SquaredRelation:
        sides = [left, right] if sign in ("<", "<=", "=") else [right, left]
        a, b = (lambda s, t=t: evaluate(t, self.words, s, s.t) for t in sides)  # type: ignore[misc]
        return SquaredRelation(a, b, sign.replace(">", "<"))


class Bounds:
    """A bound on the repulsion and bounds on that."""

    def __init__(self, first: Mean, more: list[SquaredRelation]) -> None:
        self.first, self.more = first, more

    def proved(self) -> bool:
        return self.first.proved() and all(m.proved() for m in self.more)


def size(f: Formula) -> Formula:
    return lambda s: s.norm(s.gradient(f))


def smaller(seed: int) -> list[Statement]:
    """Is the repulsive part of the gradient smaller than the attractive one?"""
    pull, push = r"\lVert \nabla_i^{\mathcal A} \rVert", rf"\lVert {REPULSION} \rVert"
    words = BATCH | {
        push: size(repulsion),
        pull: size(attraction),
        r"\phi_{ik}": Indexed(lambda s, t: Angle(lambda r: r.dot(r.unit(r.z), r.unit(t)))),
    }
    bound = r"\max_{k \neq i} \frac{\sin \phi_{ik}}{\lVert z_i \rVert}"
    return [
        examine(
            "2406.16468 footnote 4, 2502.09252 A.2",
            rf"{push} < {pull}",
            MeanReading(words, options={"names": ("repulsive", "attractive")}),
            corrected=rf"{push} \leq {bound} \leq {OVER_NORM}",
        ),
        examine("why", r"\sum_{k \neq i} p_{ik} = 1", batch(sizes=(1, 2, 3)), role="added"),
        positive_weights(),
    ]


def positive_weights() -> Statement:
    s = GramBatch(2)
    positive = all(bool((similarity(s, s.z, t) / partition(s)).is_positive) for t in s.others)
    return Statement("why", r"p_{ik} > 0", positive, "SymPy", role="added")


CHECKS = {"repulsion-smaller": smaller}
