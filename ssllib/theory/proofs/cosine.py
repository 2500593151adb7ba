"""The cosine similarity's gradient as two papers print it, and what they say of its size.

Source: 2406.16468 abstract, Prop. 1, section 3, A.1; 2502.09252 Prop. 3.1, section 3, A.1, Figure S1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssllib import geometry
from ssllib.theory.proofs.formulas import (
    cosine,
    gradient,
    loss,
    moved,
    negative,
    rise,
    sideways,
    squared,
    zero,
)
from ssllib.theory.proofs.phrases import PAIR, pair
from ssllib.theory.proofs.reading import Reading, Unreadable, read
from ssllib.theory.proofs.readings import Formula
from ssllib.theory.proofs.statements import Relation, Statement, agree, approach, examine

MATRIX = (
    r"\frac{1}{\lVert z_i \rVert} \Bigl( I - \frac{z_i z_i^\top}{\lVert z_i \rVert^2} \Bigr)"
    r" \frac{z_j}{\lVert z_j \rVert}"
)
PERP = r"\Bigl( \frac{\hat z_j}{\lVert z_i \rVert} \Bigr)_{\perp z_i}"
GRADIENT = r"\nabla_i^{\mathcal A}"
LOSS = r"\mathcal L_i^{\mathcal A}"
COSINE = r"\frac{z_i^\top z_j}{\lVert z_i \rVert \lVert z_j \rVert}"
PROP_1 = "2406.16468 Prop. 1"
PROP_3_1 = "2502.09252 Prop. 3.1"


def against_derivative(words: dict[str, Any] | None = None) -> Reading:
    return pair(words, names=("derivative", "printed"))


def printed_gradient(source: str, sign: str) -> list[Statement]:
    """Both forms of the gradient as a paper prints them, against the derivative of its loss."""
    return [
        examine(source, f"{GRADIENT} = {sign}{tex}", against_derivative(), corrected=f"{GRADIENT} = -{tex}")
        for tex in (MATRIX, PERP)
    ]


def both_papers(seed: int) -> list[Statement]:
    """The gradient in both printed forms of both papers, and this library's."""
    library = {GRADIENT: lambda s: geometry.negative_cosine_gradient(s.z, s.t)}
    return [
        *printed_gradient(PROP_1, ""),
        *printed_gradient(PROP_3_1, "-"),
        agree("ssllib.geometry, negative_cosine_gradient", f"{GRADIENT} = -{PERP}", pair(library), seed),
        autograd(seed),
    ]


def autograd(seed: int) -> Statement:
    """The gradient that all of these are compared with, by autograd."""
    return agree(
        "autograd", f"{GRADIENT} = -{PERP}", pair({GRADIENT: lambda s: s.gradient(loss)}), seed
    )


def sign_2406(seed: int) -> list[Statement]:
    """The sign in 2406.16468: in Prop. 1, in its proof, and where it is used."""
    return [
        *printed_gradient(PROP_1, ""),
        examine(
            "2406.16468 A.1, first line",
            f"{LOSS} = {COSINE}",
            pair(names=("loss", "printed")),
            role="proof",
            corrected=f"{LOSS} = -{COSINE}",
        ),
        examine(
            "2406.16468 A.1, last line",
            rf"\nabla_i \, {COSINE} = {MATRIX}",
            pair({rf"\nabla_i \, {COSINE}": lambda s: s.gradient(cosine)}),
            role="proof",
        ),
        examine(
            "its use in 2406.16468 A.3",
            rf"z_i + \gamma \, {PERP} \text{{ is a step of descent on }} {LOSS}",
            Descends(PAIR),
            role="added",
        ),
    ]


def sign_2502(seed: int) -> list[Statement]:
    """The sign in 2502.09252: in Prop. 3.1, and in its proof."""
    return [
        *printed_gradient(PROP_3_1, "-"),
        examine("2502.09252 A.1, first line", f"{LOSS} = -{COSINE}", pair(), role="proof"),
    ]


@dataclass(frozen=True)
class Descends(Reading):
    """A printed step z + ... (after a "=", if there is one) does not raise the loss, to first order."""

    def relation(self, latex: str) -> Relation:
        tree = read(latex, tuple(self.words))
        if tree[0] == "chain" and tree[2] != "=":
            raise Unreadable(f"{latex} is no step")
        step = self._formula(tree[-1] if tree[0] == "chain" else tree)
        return descends(lambda s: step(s) - s.z)


def descends(step: Formula) -> Relation:
    """To first order, a step does not raise the loss."""
    change = "change of the loss, first order"
    return Relation(lambda s: s.dot(gradient(s), step(s)), zero, "<=", names=(change, ""))


def descent_step(seed: int) -> list[Statement]:
    """The update of 2502.09252 section 3, with the gradient of its Prop. 3.1."""
    return [
        examine(
            "2502.09252 section 3",
            r"z_i' = z_i + \gamma \nabla_i \text{ is a step of descent}",
            Descends(PAIR),
            corrected=r"z_i' = z_i - \gamma \nabla_i",
            show={"cosine before": cosine, "cosine after": lambda s: s.at(cosine, moved(gradient)(s))},
        ),
        examine(
            "its use in 2502.09252 section 3",
            r"\lVert z_i' - z_i \rVert = \gamma \lVert \nabla_i \rVert \text{ with either sign}",
            pair(squared=True),
            role="added",
        ),
    ]


def magnitude(seed: int) -> list[Statement]:
    """The magnitude sin(phi) / |z|; neither side is negative, so their squares are compared."""
    tex = rf"\lVert {GRADIENT} \rVert = \frac{{\sin \phi_{{ij}}}}{{\lVert z_i \rVert}}"
    size = rf"\lVert {GRADIENT} \rVert"
    library = {size: lambda s: geometry.gradient_norm(s.z, s.t).unsqueeze(-1)}
    return [
        examine(f"{PROP_1}, {PROP_3_1}", tex, pair(squared=True)),
        agree("ssllib.geometry, gradient_norm", rf"{size} = \lVert {PERP} \rVert", pair(library), seed),
    ]


def tangent(seed: int) -> list[Statement]:
    """The gradient has no part along the embedding."""
    return [examine("2406.16468 section 3, 2502.09252 section 3", rf"z_i^\top {GRADIENT} = 0", pair())]


def vanishes_far_out(seed: int) -> list[Statement]:
    """At a fixed angle, as the norm grows without bound."""
    tex = rf"\lVert {GRADIENT} \rVert \to 0 \text{{ as }} \lVert z_i \rVert \to \infty"
    return [approach("2406.16468 abstract", tex, pair())]


def vanishes_opposite(seed: int) -> list[Statement]:
    """At a fixed norm, as the angle goes to pi, where the cosine is -1."""
    tex = rf"\lVert {GRADIENT} \rVert \to 0 \text{{ as }} \phi_{{ij}} \to \pi"
    return [approach("2406.16468 abstract", tex, pair())]


def shrinks_as_loss_grows(seed: int) -> list[Statement]:
    """Turning away from t at a constant norm: the loss, and the (squared) magnitude of its gradient."""
    away = negative(sideways)
    slope, size = (rf"\frac{{\partial}}{{\partial \phi}} {x}" for x in (LOSS, rf"\lVert {GRADIENT} \rVert"))
    turned = pair({slope: rise(loss, away), size: rise(squared(gradient), away)})
    source = "2406.16468 section 3"
    return [
        examine(source, rf"{slope} > 0 \quad (0 < \phi < \pi)", turned),
        examine(source, rf"{size} < 0 \quad (\tfrac\pi2 < \phi < \pi)", turned),
        examine(source, rf"{size} > 0 \quad (0 < \phi < \tfrac\pi2)", turned),
    ]


def landscape_flatter(seed: int) -> list[Statement]:
    """Farther out the landscape's steepness falls as 1/norm, its curvature as 1/norm^2."""
    slope, bend = r"\frac{\partial \cos \phi}{\partial s}", r"\frac{\partial^2 \cos \phi}{\partial s^2}"
    circle = pair(
        {  # along the circle of z, in arc length: sideways is not a unit vector
            slope: lambda s: s.dot(s.gradient(cosine), s.unit(sideways(s))),
            bend: lambda s: rise(cosine, sideways, 2)(s) / squared(sideways)(s),
        }
    )
    return [
        examine(
            "2502.09252 Figure S1",
            r"\lVert \nabla \cos(k z) \rVert < \lVert \nabla \cos(z) \rVert \quad (k > 1, \ 0 < \phi < \pi)",
            pair(squared=True),
        ),
        examine(
            "all of the slope is along the circle",
            rf"\Bigl( {slope} \Bigr)^2 = \lVert \nabla \cos(z) \rVert^2 \quad (\sin \phi > 0)",
            circle,
            role="added",
        ),
        examine(
            "by exactly the ratio of the norms",
            r"\nabla \cos(k z) = \tfrac1k \nabla \cos(z)",
            pair(),
            role="added",
        ),
        examine(  # the circle's own bend points along z, where the gradient has no part
            "curvature along the circle",
            rf"{bend} = -\frac{{\cos \phi}}{{\lVert z \rVert^2}} \quad (\sin \phi > 0)",
            circle,
            role="added",
        ),
    ]


CHECKS = {
    "cosine-gradient-sign-2406": sign_2406,
    "cosine-gradient-sign-2502": sign_2502,
    "cosine-gradient": both_papers,
    "cosine-gradient-magnitude": magnitude,
    "cosine-gradient-tangent": tangent,
    "gradient-vanishes-large-norm": vanishes_far_out,
    "gradient-vanishes-opposite": vanishes_opposite,
    "gradient-shrinks-as-loss-grows": shrinks_as_loss_grows,
    "landscape-flatter": landscape_flatter,
    "descent-step-sign": descent_step,
}
