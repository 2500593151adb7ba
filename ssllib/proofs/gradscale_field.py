"""GradScale's field: what its power does to the gradient, to a step, and along a ray.

Source: 2502.09252 section 6, Figure 6, Listing 2, appendix D (where p is the cosine and alpha the power).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssllib.gradscale import scale_grad
from ssllib.proofs.formulas import (
    cosine,
    farther,
    gradient,
    magnitude_squared,
    moved,
    negative,
    squared,
)
from ssllib.proofs.potentials import (
    scaled,
)
from ssllib.proofs.spaces import Formula
from ssllib.proofs.statements import Relation, Statement, agree, examine

SECTION, PROPOSITION, PROOF = "2502.09252 section 6", "2502.09252 Prop. D.1", "2502.09252 Prop. D.1, proof"
DEFAULT, SCALED = r"\nabla", r"\nabla^{(p)}"
USED = (2, 128, 256, 2048)
"""The dimensions the papers use: Figure 6, the released SimCLR, the text's SimCLR and SimSiam."""


def passed_back(power: float) -> Formula:
    """What autograd finds behind `scale_grad` (`Numbers` only)."""

    def f(s: Any) -> Any:
        return s.gradient(lambda r: -r.dot(r.unit(scale_grad(r.z, power)), r.unit(r.t)))

    return f


def cancels_norm(seed: int) -> list[Statement]:
    """The gradient passed back, its length, and what is left of the norm in a step."""
    return [
        *(
            replace(
                agree(
                    "2502.09252 Listing 2, as `ssllib.gradscale`",
                    rf"\nabla^{{({p:g})}} = \lVert z \rVert^{{{p:g}}} \, {DEFAULT}",
                    scaled_down(passed_back(p), p),
                    gradient,
                    seed,
                ),
                role="claim",
            )
            for p in (0.0, 0.5, 1.0, 2.0)
        ),
        examine(SECTION, rf"\nabla^{{(0)}} = {DEFAULT}", Relation(scaled(0), gradient)),
        examine(
            SECTION,
            r"\nabla^{(1)}(k z) = \nabla^{(1)}(z) \quad (k > 1)",
            Relation(farther(scaled(1)), scaled(1)),
        ),
        examine(
            SECTION, r"\lVert \nabla^{(1)} \rVert = \sin\phi", Relation(squared(scaled(1)), sine_squared)
        ),
        *(_turn(p) for p in (0, 1, 2)),
        *(_growth(p) for p in (1, 2)),  # p = 0: ssllib.proofs.norm_growth
    ]


def _turn(p: int) -> Statement:
    """The tangent of the angle by which one step turns the embedding: the step over the norm."""
    return examine(
        f"one step with p = {p}",
        rf"\tan\Delta\phi = \gamma \, \lVert z \rVert^{{{p - 2}}} \sin\phi",
        Relation(
            lambda s: s.gamma**2 * squared(scaled(p))(s) / s.dot(s.z, s.z),
            lambda s: s.gamma**2 * s.norm(s.z) ** (2 * p - 4) * sine_squared(s),
        ),
        role="added",
    )


def _growth(p: int) -> Statement:
    """The squared norm after one step."""
    gain = r"\gamma^2 \sin^2\phi" if p == 1 else rf"\gamma^2 \lVert z \rVert^{{{2 * p - 2}}} \sin^2\phi"
    return examine(
        f"one step with p = {p}",
        rf"\lVert z' \rVert^2 = \lVert z \rVert^2 + {gain}",
        Relation(
            squared(moved(negative(scaled(p)))),
            lambda s: s.dot(s.z, s.z) + s.gamma**2 * s.norm(s.z) ** (2 * p - 2) * sine_squared(s),
        ),
        role="added",
    )


def sine_squared(s: Any) -> Any:
    return 1 - cosine(s) ** 2


def scaled_down(f: Formula, power: float) -> Formula:
    """f / |z|^power, so that errors are in the units of the default gradient."""
    return lambda s: f(s) / s.norm(s.z) ** power


def field_drawn(seed: int) -> list[Statement]:
    """Figure 6: the length of each field along a ray from the origin."""
    return [
        examine(
            "2502.09252 Figure 6, right",
            r"\lVert \nabla^{(1)}(k z) \rVert = \lVert \nabla^{(1)}(z) \rVert \quad (k > 1)",
            Relation(squared(farther(scaled(1))), squared(scaled(1))),
        ),
        examine(
            "2502.09252 Figure 6, left",
            rf"\lVert {DEFAULT}(k z) \rVert = \tfrac1k \lVert {DEFAULT}(z) \rVert \quad (k > 1)",
            Relation(lambda s: (1 + s.gamma) ** 2 * squared(farther(gradient))(s), squared(gradient)),
        ),
        examine(
            "both, at every angle",
            r"\lVert \nabla^{(1)} \rVert = \sin\phi, \quad \lVert \nabla \rVert = \sin\phi / \lVert z \rVert",
            Relation(squared(scaled(1)), lambda s: s.dot(s.z, s.z) * magnitude_squared(s)),
            role="added",
        ),
    ]


def implicit_division(seed: int) -> list[Statement]:
    """A step with power 1 and the rate divided by the norm; then one rate for embeddings of unequal norms."""
    default = moved(negative(gradient))
    return [
        examine(
            SECTION,
            rf"z - \frac{{\gamma}}{{\lVert z \rVert}} \nabla^{{(1)}} = z - \gamma {DEFAULT}",
            Relation(lambda s: s.z - s.gamma / s.norm(s.z) * scaled(1)(s), default),
        ),
        examine(
            "one rate for norms that differ",
            rf"z - \frac{{\gamma}}{{m}} \nabla^{{(1)}} = z - \frac{{\lVert z \rVert}}{{m}} \gamma {DEFAULT}"
            r" \quad (m = \lVert t \rVert)",
            Relation(  # any positive number will do for m: here it is the norm of t, which nothing else knows
                lambda s: s.z - s.gamma / s.norm(s.t) * scaled(1)(s),
                lambda s: s.z - s.norm(s.z) / s.norm(s.t) * s.gamma * gradient(s),
            ),
            role="added",
        ),
        examine(
            "in the direction, the norm divides twice",
            rf"\gamma \lVert {DEFAULT} \rVert / \lVert z \rVert = \gamma \sin\phi / \lVert z \rVert^2",
            Relation(
                lambda s: s.gamma**2 * squared(gradient)(s) / s.dot(s.z, s.z),
                lambda s: s.gamma**2 * sine_squared(s) / s.dot(s.z, s.z) ** 2,
            ),
            role="added",
        ),
    ]


CHECKS = {
    "gradscale-cancels-norm": cancels_norm,
    "gradscale-field-drawn": field_drawn,
    "gradscale-implicit-division": implicit_division,
}
