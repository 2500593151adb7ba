"""GradScale's field: what its power does to the gradient, to a step, and along a ray.

Source: 2502.09252 section 6, Figure 6, Listing 2, appendix D (where p is the cosine and alpha the power).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssllib.gradscale import scale_grad
from ssllib.theory.proofs.formulas import farther, gradient, moved, negative
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.potentials import scaled
from ssllib.theory.proofs.reading import Reading
from ssllib.theory.proofs.readings import Formula
from ssllib.theory.proofs.statements import Statement, agree, examine

SECTION, PROPOSITION, PROOF = "2502.09252 section 6", "2502.09252 Prop. D.1", "2502.09252 Prop. D.1, proof"
DEFAULT, SCALED = r"\nabla", r"\nabla^{(p)}"
USED = (2, 128, 256, 2048)
"""The dimensions the papers use: Figure 6, the released SimCLR, the text's SimCLR and SimSiam."""


def passed_back(power: float) -> Formula:
    """What autograd finds behind `scale_grad` (`Numbers` only)."""

    def f(s: Any) -> Any:
        return s.gradient(lambda r: -r.dot(r.unit(scale_grad(r.z, power)), r.unit(r.t)))

    return f


def powered(p: int, squared: bool = False, words: dict[str, Any] | None = None) -> Reading:
    """How a statement about the field of power p is read; z' is z after a step along it."""
    name = rf"\nabla^{{({p})}}"
    known = {
        name: scaled(p),
        rf"{name}(z)": scaled(p),
        rf"{name}(k z)": farther(scaled(p)),
        r"\nabla(z)": gradient,
        r"\nabla(k z)": farther(gradient),
        "z'": moved(negative(scaled(p))),
        "m": lambda s: s.norm(s.t),  # any positive number will do: the norm of t, which nothing else knows
        r"\tan\Delta\phi": lambda s: s.norm(s.gamma * scaled(p)(s)) / s.norm(s.z),
    }
    return pair(known | (words or {}), squared=squared)


def cancels_norm(seed: int) -> list[Statement]:
    """The gradient passed back, its length, and what is left of the norm in a step."""
    return [
        *(
            replace(
                agree(
                    "2502.09252 Listing 2, as `ssllib.gradscale`",
                    rf"\nabla^{{({p:g})}} = \lVert z \rVert^{{{p:g}}} \, {DEFAULT}",
                    pair({rf"\nabla^{{({p:g})}}": passed_back(p)}),
                    seed,
                    per=p,
                ),
                role="claim",
            )
            for p in (0.0, 0.5, 1.0, 2.0)
        ),
        examine(SECTION, rf"\nabla^{{(0)}} = {DEFAULT}", powered(0)),
        examine(SECTION, r"\nabla^{(1)}(k z) = \nabla^{(1)}(z) \quad (k > 1)", powered(1)),
        examine(SECTION, r"\lVert \nabla^{(1)} \rVert = \sin\phi", powered(1, squared=True)),
        *(_turn(p) for p in (0, 1, 2)),
        *(_growth(p) for p in (1, 2)),  # p = 0: ssllib.theory.proofs.norm_growth_checks
    ]


def _turn(p: int) -> Statement:
    """The tangent of the angle by which one step turns the embedding: the step over the norm."""
    return examine(
        f"one step with p = {p}",
        rf"\tan\Delta\phi = \gamma \, \lVert z \rVert^{{{p - 2}}} \sin\phi",
        powered(p, squared=True),
        role="added",
    )


def _growth(p: int) -> Statement:
    """The squared norm after one step."""
    gain = r"\gamma^2 \sin^2\phi" if p == 1 else rf"\gamma^2 \lVert z \rVert^{{{2 * p - 2}}} \sin^2\phi"
    return examine(
        f"one step with p = {p}",
        rf"\lVert z' \rVert^2 = \lVert z \rVert^2 + {gain}",
        powered(p),
        role="added",
    )


def field_drawn(seed: int) -> list[Statement]:
    """Figure 6: the length of each field along a ray from the origin."""
    field = powered(1, squared=True)
    return [
        examine(
            "2502.09252 Figure 6, right",
            r"\lVert \nabla^{(1)}(k z) \rVert = \lVert \nabla^{(1)}(z) \rVert \quad (k > 1)",
            field,
        ),
        examine(
            "2502.09252 Figure 6, left",
            r"\lVert \nabla(k z) \rVert = \tfrac1k \lVert \nabla(z) \rVert \quad (k > 1)",
            field,
        ),
        examine("right, at every angle", r"\lVert \nabla^{(1)} \rVert = \sin\phi", field, role="added"),
        examine(
            "left, at every angle",
            r"\lVert \nabla \rVert = \sin\phi / \lVert z \rVert",
            field,
            role="added",
        ),
    ]


def implicit_division(seed: int) -> list[Statement]:
    """A step with power 1 and the rate divided by the norm; then one rate for embeddings of unequal norms."""
    return [
        examine(
            SECTION,
            rf"z - \frac{{\gamma}}{{\lVert z \rVert}} \nabla^{{(1)}} = z - \gamma {DEFAULT}",
            powered(1),
        ),
        examine(
            "one rate for norms that differ",
            rf"z - \frac{{\gamma}}{{m}} \nabla^{{(1)}} = z - \frac{{\lVert z \rVert}}{{m}} \gamma {DEFAULT}"
            r" \quad (m = \lVert t \rVert)",
            powered(1),
            role="added",
        ),
        examine(
            "in the direction, the norm divides twice",
            rf"\gamma \lVert {DEFAULT} \rVert / \lVert z \rVert = \gamma \sin\phi / \lVert z \rVert^2",
            powered(1, squared=True),
            role="added",
        ),
    ]


CHECKS = {
    "gradscale-cancels-norm": cancels_norm,
    "gradscale-field-drawn": field_drawn,
    "gradscale-implicit-division": implicit_division,
}
