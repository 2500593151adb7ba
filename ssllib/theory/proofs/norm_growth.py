r"""A loss that does not change when an embedding is scaled has a gradient orthogonal to it; what follows.

Norm growth for every loss of cosines, which losses are of that kind, and where the growth stops being true.

Source: 2406.16468 introduction, section 3, section 4, A.2; 2502.09252 section 3 with footnote 1, A.3.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch

from ssllib.theory.proofs import dino_head, optimizers
from ssllib.theory.proofs.algebra import Algebra, vanishes
from ssllib.theory.proofs.batches import (
    BatchRelation,
    GramBatch,
    NumberBatch,
    PlaneBatch,
    Point,
    described,
    plane_points,
)
from ssllib.theory.proofs.cosine_losses import COVERED, UNCOVERED, covered, uncovered
from ssllib.theory.proofs.formulas import squared, zero
from ssllib.theory.proofs.infonce_formulas import (
    batch,
    gradient_of,
    own_term,
    printed_2406,
    printed_2502,
    whole_batch,
    with_gradients,
)
from ssllib.theory.proofs.norm_growth_checks import NEVER_SHRINKS
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.reading import Reading, numbers
from ssllib.theory.proofs.readings import Formula
from ssllib.theory.proofs.statements import Question, Statement, ask, examine

# --- the lemma --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Growth(BatchRelation):
    r"""What is said of $\|z_i'\|$ and $\|z_i\|$ after a step of descent along `left`, a vector (`right` is not used).

    `said` is that statement, of the two norms as numbers of which it is known that the step is orthogonal to z.
    """

    gammas: tuple[str, ...] = ("1", "2", "1/2")
    said: Algebra | None = None

    def proved(self) -> bool:
        """If the vector is orthogonal to z in every dimension, by inner products, Z3 does the rest."""
        spaces = [GramBatch(m, self.tempered) for m in self.sizes]
        tangent = all(s.vanishes(s.dot(s.z, self.left(s))) for s in spaces)
        return tangent and self.said is not None and self.said.proved()

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


@dataclass(frozen=True)
class Grows(Reading):
    r"""How a statement about the norms before and after a step of descent is read: by Pythagoras, if it is tangent."""

    step: Formula = zero
    sizes: tuple[int, ...] = (1, 2)

    def relation(self, latex: str) -> Growth:
        import sympy as sp

        before, after, gradient, gamma = sp.symbols("b a g gamma", real=True)
        words = {r"\lVert z_i' \rVert": after, r"\lVert z_i \rVert": before}
        pythagoras = sp.Eq(after**2, before**2 + gamma**2 * gradient**2)
        positive = (sp.Gt(before, 0), sp.Ge(after, 0), sp.Ge(gradient, 0), sp.Gt(gamma, 0))
        said = numbers(words, given=(pythagoras, *positive)).relation(latex)
        return Growth(self.step, zero, "<=", sizes=self.sizes, said=said)


def grows(source: str, step: Formula, sizes: tuple[int, ...] = (1, 2), *, role: str = "claim") -> Statement:
    """Decide whether a step of descent along `step` never shrinks the embedding."""
    return examine(source, NEVER_SHRINKS, Grows({}, step=step, sizes=sizes), role=role)


def cosine_with(s: Any, t: Any) -> Any:
    return s.dot(s.unit(s.z), s.unit(t))


def of_cosines(s: Any) -> Any:
    """A loss F(c_1, ..., c_m) of the cosines between z and the others; F is any differentiable function."""
    return s.sp.Function("F")(*(cosine_with(s, t) for t in s.others))


AT = 1
"""Where Euler's derivative is taken."""


def euler() -> Statement:
    """The derivative of L(kz) in k, at k = 1, is z . grad L: for a function L of 1, 2 and 3 coordinates."""
    import sympy as sp

    k, gaps = sp.Symbol("k", positive=True), []
    for d in (1, 2, 3):
        z = sp.symbols(f"z1:{d + 1}", real=True)
        f = sp.Function("L")
        radial = f(*(k * x for x in z)).diff(k).subs(k, AT).doit()
        gaps.append(sp.simplify(radial - sum(x * f(*z).diff(x) for x in z)))
    tex = (
        r"\mathcal L(k z) = \mathcal L(z) \ \forall k > 0 \ \Rightarrow\ "
        r"0 = \frac{d}{dk} \mathcal L(k z) \Bigr\vert_{k = 1} = z^\top \nabla \mathcal L(z)"
    )
    holds = not any(gaps)
    return Statement(
        "the lemma (Euler)", tex, holds, "SymPy", None if holds else {"gap": str(gaps)}, role="added"
    )


MANY = (1, 2, 3)
"""Numbers of cosines for which the gradient of F is taken."""


def any_cosine_loss(seed: int) -> list[Statement]:
    """Every differentiable loss of cosine similarities; then which losses of `ssllib.losses` are covered."""
    everywhere = r"\text{for every } F(\cos\phi_1, \dots, \cos\phi_m)"
    source = "2406.16468 introduction, 2502.09252 section 3"
    words = with_gradients(own=of_cosines)
    growth = Grows({}, step=gradient_of(of_cosines), sizes=MANY)
    return [
        euler(),
        by_proof(source, rf"z_i^\top \nabla_i = 0 \quad {everywhere}", batch(words, sizes=MANY)),
        by_proof(source, NEVER_SHRINKS, growth),
        by_proof("the second property", r"k \, \nabla_i(k z_i) = \nabla_i(z_i)", batch(words, sizes=MANY), "added"),
        each_argument(),
        *(covered(name, f, seed) for name, f in COVERED.items()),
        *(uncovered(name, f, seed) for name, f in UNCOVERED.items()),
    ]


def each_argument(most: int = 8) -> Statement:
    r"""F's arguments for m up to 8: each is that formula of z and one other sample which does not see |z|.

    By the chain rule $z^\top \nabla F = \sum_k F_k \, z^\top \nabla c_k$, for any m, and each term is zero.
    """
    gaps = []
    for m in range(1, most + 1):
        s = GramBatch(m)
        for k, (argument, t) in enumerate(zip(of_cosines(s).args, s.others, strict=True), 1):
            if not s.vanishes(argument - cosine_with(s, t)):
                gaps.append(f"m = {m}, k = {k}")
    s = GramBatch(1)
    free = s.vanishes(s.at(lambda r: cosine_with(r, r.t), (1 + s.gamma) * s.z) - cosine_with(s, s.t))
    tex = r"c_k = \hat z_i^\top \hat t_k, \quad c_k(\lambda z_i) = c_k(z_i), \quad z_i^\top \nabla F = \textstyle"
    tex += r" \sum_k \partial_k F \, z_i^\top \nabla c_k"
    example = {"argument": gaps} if gaps else {"scaled": "changes"}
    holds = free and not gaps and _chain_rule()
    return Statement("any number of cosines", tex, holds, "SymPy", None if holds else example, role="added")


def _chain_rule() -> bool:
    """SymPy: d/dx F(c_1(x), c_2(x), c_3(x)) is the sum of F_k c_k'(x)."""
    import sympy as sp

    x, y = sp.symbols("x y1:4"), sp.symbols("y1:4")
    inner = [sp.Function(f"c{k}")(x[0]) for k in (1, 2, 3)]
    f = sp.Function("F")
    found = f(*inner).diff(x[0])
    stated = sum(
        f(*y).diff(y[k]).subs(dict(zip(y, inner, strict=True))).doit() * inner[k].diff(x[0]) for k in range(3)
    )
    return vanishes((found - stated).doit())


def by_proof(source: str, printed: str, reading: Reading, role: str = "claim") -> Statement:
    """A statement about an arbitrary function, of which no example can be computed: proved, or not at all."""

    def decide() -> Statement:
        holds = reading.relation(printed).proved()
        how = "Z3" if isinstance(reading, Grows) else "SymPy"
        return Statement(source, printed, holds, how, None if holds else {"proof": "none found"}, role=role)

    return ask(Question(source, printed, None, decide, lambda: reading.relation(printed), None))


# --- norm growth, loss by loss ----------------------------------------------------------------------------


def infonce(seed: int) -> list[Statement]:
    """An anchor's own term, with each paper's printed vector and the true one; and the whole batch's loss."""
    return [
        grows("2406.16468 Cor. 2, with its Cor. 4", lambda s: -printed_2406(s)),
        grows("2502.09252 Cor. 3.3, with its Prop. 3.2", printed_2502),
        grows("the own term, with a temperature", gradient_of(own_term)),
        grows("the loss of the whole batch", gradient_of(whole_batch), (1, 3)),
    ]


MSE = r"\lVert \hat z_i - \hat z_j \rVert_2^2"


def mse(s: Any) -> Any:
    """The squared distance of the unit vectors."""
    return squared(lambda r: r.unit(r.z) - r.unit(r.t))(s)


def mean_squared_error(seed: int) -> list[Statement]:
    """Between normalised embeddings: the identity, and the growth."""
    slope = rf"\nabla_i {MSE}"
    words = {slope: lambda s: s.gradient(mse), "z_i'": lambda s: s.z - s.gamma * s.gradient(mse)}
    return [
        examine("2406.16468 section 3", rf"{MSE} = 2 - 2 \hat z_i^\top \hat z_j", pair()),
        examine("2406.16468 section 3, 2502.09252 section 3", NEVER_SHRINKS, pair(words, squared=True)),
        examine(
            "twice the cosine's gradient",
            rf"{slope} = -2 \Bigl( \frac{{\hat z_j}}{{\lVert z_i \rVert}} \Bigr)_{{\perp z_i}}",
            pair(words),
            role="added",
        ),
    ]


def triplet_anchor(s: Any) -> Any:
    """Margin active: |a - p|^2 - |a - n|^2 of unit vectors, as a function of the anchor."""
    near, far = (s.unit(s.z) - s.unit(t) for t in s.others)
    return s.dot(near, near) - s.dot(far, far)


def triplet(seed: int) -> list[Statement]:
    """The triplet loss: for each of the three; with the margin not active the gradient is zero."""
    source = "2502.09252 section 3"
    anchor = gradient_of(triplet_anchor)
    kink = {r"\nabla_i": anchor, "h": lambda s: s.sp.Symbol("h", real=True)}
    return [
        grows(f"{source}: the anchor", anchor, (2,)),
        grows(f"{source}: the positive", gradient_of(mse), (1,)),
        grows(f"{source}: the negative", lambda s: -s.gradient(mse), (1,)),
        grows(f"{source}: margin not active", lambda s: 0 * s.z, (2,)),
        by_proof(
            "at the margin, with any subgradient",
            r"z_i^\top (h \nabla_i) = 0 \quad (0 \leq h \leq 1)",
            batch(kink, sizes=(2,)),
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
    "dino-not-cosine": dino_head.check,
}
