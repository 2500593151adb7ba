r"""A loss that does not change when an embedding is scaled has a gradient orthogonal to it; what follows.

Norm growth for every loss of cosines, which losses are of that kind, and where the growth stops being true.

Source: 2406.16468 introduction, section 3, section 4, A.2; 2502.09252 section 3 with footnote 1, A.3.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch

from ssllib.proofs import dino, optimizers
from ssllib.proofs.batches import (
    BatchRelation,
    GramBatch,
    NumberBatch,
    PlaneBatch,
    Point,
    described,
    plane_points,
)
from ssllib.proofs.covered import COVERED, UNCOVERED, covered, uncovered
from ssllib.proofs.formulas import farther, loss, perp_form, squared, zero
from ssllib.proofs.infonce_formulas import gradient_of, own_term, printed_2406, printed_2502, whole_batch
from ssllib.proofs.norm_growth import NEVER_SHRINKS
from ssllib.proofs.spaces import Formula
from ssllib.proofs.statements import Relation, Statement, examine

# --- the lemma --------------------------------------------------------------------------------------------


def orthogonal_steps_never_shrink() -> bool:
    r"""Z3: $z^\top g = 0$ implies $\|z - \gamma g\|^2 \geq \|z\|^2$, for every step, norm and gradient."""
    import z3

    zz, zg, gg, gamma = z3.Reals("zz zg gg gamma")
    solver = z3.Solver()
    solver.add(zz > 0, gg >= 0, gamma > 0, zg == 0, zz - 2 * gamma * zg + gamma * gamma * gg < zz)
    return bool(solver.check() == z3.unsat)


@dataclass(frozen=True)
class Growth(BatchRelation):
    """A step of descent along `left`, a vector, never shrinks z: `right` is not used, the sign is <=."""

    gammas: tuple[str, ...] = ("1", "2", "1/2")

    def proved(self) -> bool:
        """If the vector is orthogonal to z in every dimension, by inner products, Z3 does the rest."""
        spaces = [GramBatch(m, self.tempered) for m in self.sizes]
        return all(s.vanishes(s.dot(s.z, self.left(s))) for s in spaces) and orthogonal_steps_never_shrink()

    def counterexample(self, show: dict[str, Formula] | None = None) -> dict[str, Any] | None:
        """The first small batch of the plane after a step in which z is shorter."""
        for gamma, (z, others) in itertools.product(self.gammas, self._shorter()):
            space = PlaneBatch(others, gamma)
            after = space.put(space.z - space.gamma * self.left(space), z)
            if bool(space.sp.N(sum(x * x for x in after), 30) < sum(x * x for x in z)):
                return described(space, z, {"gamma": [space.gamma], "after": after}, show)
        return None

    def _shorter(self) -> list[tuple[Point, tuple[Point, ...]]]:
        """Where the step is not orthogonal to z in floating point: only there can a step shrink it."""
        return [
            (z, others)
            for m in self.sizes
            for (z, others), part in zip(plane_points((m,)), radial_parts(self.left, m), strict=True)
            if abs(part) > 1e-9
        ]


def radial_parts(step: Formula, m: int) -> list[float]:
    """The inner product of z with the step at each of `plane_points`, in float64."""
    z, others = (torch.tensor(x, dtype=torch.float64) for x in zip(*plane_points((m,)), strict=True))
    space = NumberBatch(z, list(others.unbind(1)))
    return [float(x) for x in space.dot(space.z, step(space))]


def grows(source: str, step: Formula, sizes: tuple[int, ...] = (1, 2), *, role: str = "claim") -> Statement:
    """Decide whether a step of descent along `step` never shrinks the embedding."""
    return examine(source, NEVER_SHRINKS, Growth(step, zero, "<=", sizes=sizes), role=role)


def of_cosines(s: Any) -> Any:
    """A loss F(c_1, ..., c_m) of the cosines between z and the others; F is any differentiable function."""
    return s.sp.Function("F")(*(s.dot(s.unit(s.z), s.unit(t)) for t in s.others))


def euler() -> Statement:
    """The derivative of L(kz) in k, at k = 1, is z . grad L: for a function L of 1, 2 and 3 coordinates."""
    import sympy as sp

    k, gaps = sp.Symbol("k", positive=True), []
    for d in (1, 2, 3):
        z = sp.symbols(f"z1:{d + 1}", real=True)
        f = sp.Function("L")
        radial = f(*(k * x for x in z)).diff(k).subs(k, 1).doit()
        gaps.append(sp.simplify(radial - sum(x * f(*z).diff(x) for x in z)))
    tex = (
        r"\mathcal L(k z) = \mathcal L(z) \ \forall k > 0 \ \Rightarrow\ "
        r"0 = \frac{d}{dk} \mathcal L(k z) \Bigr\vert_{k = 1} = z^\top \nabla \mathcal L(z)"
    )
    holds = not any(gaps)
    return Statement(
        "the lemma (Euler)", tex, holds, "SymPy", None if holds else {"gap": str(gaps)}, role="added"
    )


def any_cosine_loss(seed: int) -> list[Statement]:
    """Every differentiable loss of cosine similarities; then which losses of `ssllib.losses` are covered."""
    tangent = BatchRelation(lambda s: s.dot(s.z, s.gradient(of_cosines)), zero)
    scaled = BatchRelation(
        lambda s: farther(gradient_of(of_cosines))(s) * (1 + s.gamma), gradient_of(of_cosines)
    )
    everywhere = r"\text{for every } F(\cos\phi_1, \dots, \cos\phi_m)"
    source = "2406.16468 introduction, 2502.09252 section 3"
    growth = Growth(gradient_of(of_cosines), zero, "<=")
    return [
        euler(),
        by_proof(source, rf"z_i^\top \nabla_i = 0 \quad {everywhere}", tangent.proved(), "SymPy"),
        by_proof(source, NEVER_SHRINKS, growth.proved(), "Z3"),
        by_proof(
            "the second property", r"k \, \nabla_i(k z_i) = \nabla_i(z_i)", scaled.proved(), "SymPy", "added"
        ),
        *(covered(name, f, seed) for name, f in COVERED.items()),
        *(uncovered(name, f, seed) for name, f in UNCOVERED.items()),
    ]


def by_proof(source: str, printed: str, holds: bool, how: str, role: str = "claim") -> Statement:
    """A statement about an arbitrary function, of which no example can be computed: proved, or not at all."""
    return Statement(source, printed, holds, how, None if holds else {"proof": "none found"}, role=role)


# --- norm growth, loss by loss ----------------------------------------------------------------------------


def infonce(seed: int) -> list[Statement]:
    """An anchor's own term, with each paper's printed vector and the true one; and the whole batch's loss."""
    return [
        grows("2406.16468 Cor. 2, with its Cor. 4", lambda s: -printed_2406(s)),
        grows("2502.09252 Cor. 3.3, with its Prop. 3.2", printed_2502),
        grows("the own term, with a temperature", gradient_of(own_term)),
        grows("the loss of the whole batch", gradient_of(whole_batch), (1, 3)),
    ]


def mse(s: Any) -> Any:
    """The squared distance of the unit vectors."""
    return squared(lambda r: r.unit(r.z) - r.unit(r.t))(s)


def mean_squared_error(seed: int) -> list[Statement]:
    """Between normalised embeddings: the identity, and the growth."""
    after = squared(lambda s: s.z - s.gamma * s.gradient(mse))
    return [
        examine(
            "2406.16468 section 3",
            r"\lVert \hat z_i - \hat z_j \rVert_2^2 = 2 - 2 \hat z_i^\top \hat z_j",
            Relation(mse, lambda s: 2 + 2 * loss(s)),
        ),
        examine(
            "2406.16468 section 3, 2502.09252 section 3",
            NEVER_SHRINKS,
            Relation(squared(lambda s: s.z), after, "<="),
        ),
        examine(
            "twice the cosine's gradient",
            r"\nabla_i \lVert \hat z_i - \hat z_j \rVert_2^2"
            r" = -2 \Bigl( \frac{\hat z_j}{\lVert z_i \rVert} \Bigr)_{\perp z_i}",
            Relation(lambda s: s.gradient(mse), lambda s: -2 * perp_form(s)),
            role="added",
        ),
    ]


def triplet_anchor(s: Any) -> Any:
    """Margin active: |a - p|^2 - |a - n|^2 of unit vectors, as a function of the anchor."""
    near, far = (s.unit(s.z) - s.unit(t) for t in s.others)
    return s.dot(near, near) - s.dot(far, far)


def radial_at_margin(s: Any) -> Any:
    """Along the anchor, a subgradient of the hinge at its kink: h times the gradient, h from 0 to 1."""
    return s.dot(s.z, s.sp.Symbol("h", real=True) * s.gradient(triplet_anchor))


def triplet(seed: int) -> list[Statement]:
    """The triplet loss: for each of the three; with the margin not active the gradient is zero."""
    source = "2502.09252 section 3"
    pull = Growth(gradient_of(mse), zero, "<=", sizes=(1,))
    push = Growth(lambda s: -s.gradient(mse), zero, "<=", sizes=(1,))
    anchor = Growth(gradient_of(triplet_anchor), zero, "<=", sizes=(2,))
    still = Growth(lambda s: 0 * s.z, zero, "<=", sizes=(2,))
    return [
        examine(f"{source}: the anchor", NEVER_SHRINKS, anchor),
        examine(f"{source}: the positive", NEVER_SHRINKS, pull),
        examine(f"{source}: the negative", NEVER_SHRINKS, push),
        examine(f"{source}: margin not active", NEVER_SHRINKS, still),
        by_proof(
            "at the margin, with any subgradient",
            r"z_i^\top (h \nabla_i) = 0 \quad (0 \leq h \leq 1)",
            BatchRelation(radial_at_margin, zero, sizes=(2,)).proved(),
            "SymPy",
            "added",
        ),
        covered("triplet", COVERED["triplet"], seed),
    ]


CHECKS = {
    "norm-growth-infonce": infonce,
    "norm-growth-mse": mean_squared_error,
    "norm-growth-triplet": triplet,
    "norm-growth-any-cosine-loss": any_cosine_loss,
    "norm-growth-optimizers": optimizers.check,
    "dino-not-cosine": dino.check,
}
