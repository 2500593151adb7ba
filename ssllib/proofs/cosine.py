"""The cosine similarity's gradient as two papers print it, and what they say of its size.

Source: 2406.16468 abstract, Prop. 1, section 3, A.1; 2502.09252 Prop. 3.1, section 3, A.1, Figure S1.
"""

from __future__ import annotations

from ssllib import geometry
from ssllib.proofs.formulas import (
    cosine,
    farther,
    gradient,
    loss,
    magnitude_squared,
    matrix_form,
    moved,
    negative,
    perp_form,
    rise,
    sideways,
    squared,
    zero,
)
from ssllib.proofs.spaces import Formula
from ssllib.proofs.statements import Limit, Relation, Statement, agree, approach, examine

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


def printed_gradient(source: str, sign: str, forms: tuple[Formula, Formula]) -> list[Statement]:
    """Both forms of the gradient as a paper prints them, against the derivative of its loss."""
    return [
        examine(
            source,
            f"{GRADIENT} = {sign}{tex}",
            Relation(form, gradient, names=("printed", "derivative")),
            corrected=(f"{GRADIENT} = -{tex}", Relation(negative(bare), gradient)),
        )
        for tex, form, bare in zip((MATRIX, PERP), forms, (matrix_form, perp_form), strict=True)
    ]


def both_papers(seed: int) -> list[Statement]:
    """The gradient in both printed forms of both papers, and this library's."""
    return [
        *printed_gradient(PROP_1, "", (matrix_form, perp_form)),
        *printed_gradient(PROP_3_1, "-", (negative(matrix_form), negative(perp_form))),
        agree(
            "ssllib.geometry, negative_cosine_gradient",
            f"{GRADIENT} = -{PERP}",
            lambda s: geometry.negative_cosine_gradient(s.z, s.t),
            gradient,
            seed,
        ),
    ]


def sign_2406(seed: int) -> list[Statement]:
    """The sign in 2406.16468: in Prop. 1, in its proof, and where it is used."""
    return [
        *printed_gradient(PROP_1, "", (matrix_form, perp_form)),
        examine(
            "2406.16468 A.1, first line",
            f"{LOSS} = {COSINE}",
            Relation(cosine, loss, names=("printed", "loss")),
            role="proof",
            corrected=(f"{LOSS} = -{COSINE}", Relation(negative(cosine), loss)),
        ),
        examine(
            "2406.16468 A.1, last line",
            rf"\nabla_i \, {COSINE} = {MATRIX}",
            Relation(lambda s: s.gradient(cosine), matrix_form),
            role="proof",
        ),
        examine(
            "its use in 2406.16468 A.3",
            rf"z_i + \gamma \, {PERP} \text{{ is a step of descent on }} {LOSS}",
            descends(perp_form),
            role="added",
        ),
    ]


def sign_2502(seed: int) -> list[Statement]:
    """The sign in 2502.09252: in Prop. 3.1, and in its proof."""
    return [
        *printed_gradient(PROP_3_1, "-", (negative(matrix_form), negative(perp_form))),
        examine(
            "2502.09252 A.1, first line",
            f"{LOSS} = -{COSINE}",
            Relation(negative(cosine), loss),
            role="proof",
        ),
    ]


def descends(direction: Formula) -> Relation:
    """To first order, a step along `direction` does not raise the loss."""
    change = "change of the loss, first order"
    return Relation(lambda s: s.gamma * s.dot(gradient(s), direction(s)), zero, "<=", names=(change, ""))


def descent_step(seed: int) -> list[Statement]:
    """The update of 2502.09252 section 3, with the gradient of its Prop. 3.1."""
    return [
        examine(
            "2502.09252 section 3",
            r"z_i' = z_i + \gamma \nabla_i \text{ is a step of descent}",
            descends(gradient),
            corrected=(r"z_i' = z_i - \gamma \nabla_i", descends(negative(gradient))),
            show={"cosine before": cosine, "cosine after": lambda s: s.at(cosine, moved(gradient)(s))},
        ),
        examine(
            "its use in 2502.09252 section 3",
            r"\lVert z_i' - z_i \rVert = \gamma \lVert \nabla_i \rVert \text{ with either sign}",
            Relation(
                squared(lambda s: moved(negative(gradient))(s) - s.z),
                lambda s: s.gamma**2 * squared(gradient)(s),
            ),
            role="added",
        ),
    ]


def magnitude(seed: int) -> list[Statement]:
    """The magnitude sin(phi) / |z|; both sides are at least 0, so their squares are compared."""
    tex = rf"\lVert {GRADIENT} \rVert = \frac{{\sin \phi_{{ij}}}}{{\lVert z_i \rVert}}"
    return [
        examine(f"{PROP_1}, {PROP_3_1}", tex, Relation(squared(gradient), magnitude_squared)),
        agree(
            "ssllib.geometry, gradient_norm",
            tex,
            lambda s: geometry.gradient_norm(s.z, s.t).unsqueeze(-1),
            lambda s: s.norm(gradient(s)),
            seed,
        ),
    ]


def tangent(seed: int) -> list[Statement]:
    """The gradient has no part along the embedding."""
    return [
        examine(
            "2406.16468 section 3, 2502.09252 section 3",
            rf"z_i^\top {GRADIENT} = 0",
            Relation(lambda s: s.dot(s.z, gradient(s)), zero),
        )
    ]


def vanishes_far_out(seed: int) -> list[Statement]:
    """At a fixed angle, as the norm grows without bound."""
    tex = rf"\lVert {GRADIENT} \rVert \to 0 \text{{ as }} \lVert z_i \rVert \to \infty"
    return [approach("2406.16468 abstract", tex, Limit(squared(gradient), "norm", "oo", "0"))]


def vanishes_opposite(seed: int) -> list[Statement]:
    """At a fixed norm, as the angle goes to pi, where the cosine is -1."""
    tex = rf"\lVert {GRADIENT} \rVert \to 0 \text{{ as }} \phi_{{ij}} \to \pi"
    return [approach("2406.16468 abstract", tex, Limit(squared(gradient), "cosine", "-1", "0"))]


def shrinks_as_loss_grows(seed: int) -> list[Statement]:
    """Turning away from t at a constant norm: the loss, and the squared magnitude of its gradient."""
    away = negative(sideways)
    size = rf"\frac{{\partial}}{{\partial \phi}} \lVert {GRADIENT} \rVert"
    source = "2406.16468 section 3"
    return [
        examine(
            source,
            rf"\frac{{\partial}}{{\partial \phi}} {LOSS} > 0 \quad (0 < \phi < \pi)",
            Relation(zero, rise(loss, away), "<", between=(-1, 1)),
        ),
        examine(
            source,
            rf"{size} < 0 \quad (\tfrac\pi2 < \phi < \pi)",
            Relation(rise(squared(gradient), away), zero, "<", between=(-1, 0)),
        ),
        examine(
            source,
            rf"{size} > 0 \quad (0 < \phi < \tfrac\pi2)",
            Relation(zero, rise(squared(gradient), away), "<", between=(0, 1)),
        ),
    ]


def landscape_flatter(seed: int) -> list[Statement]:
    """Farther out the landscape's steepness falls as 1/norm, its curvature as 1/norm^2."""
    return [
        examine(
            "2502.09252 Figure S1",
            r"\lVert \nabla \cos(k z) \rVert < \lVert \nabla \cos(z) \rVert \quad (k > 1, \ 0 < \phi < \pi)",
            Relation(squared(farther(gradient)), squared(gradient), "<", between=(-1, 1)),
        ),
        examine(
            "all of the slope is along the circle",
            r"\Bigl( \frac{\partial \cos \phi}{\partial s} \Bigr)^2 = \lVert \nabla \cos(z) \rVert^2",
            Relation(
                lambda s: s.dot(gradient(s), sideways(s)) ** 2,  # sideways is not a unit vector
                lambda s: squared(gradient)(s) * squared(sideways)(s),
            ),
            role="added",
        ),
        examine(
            "by exactly the ratio of the norms",
            r"\nabla \cos (k z) = \tfrac1k \nabla \cos(z)",
            Relation(lambda s: farther(gradient)(s) * (1 + s.gamma), gradient),
            role="added",
        ),
        examine(  # the circle's own bend points along z, where the gradient has no part
            "curvature along the circle",
            r"\frac{\partial^2 \cos \phi}{\partial s^2} = -\frac{\cos \phi}{\lVert z \rVert^2}",
            Relation(
                rise(cosine, sideways, 2),
                lambda s: -cosine(s) / s.dot(s.z, s.z) * squared(sideways)(s),
            ),
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
