"""The cosine similarity's gradient as two papers print it, and the checks of what they say of it.

Source: 2406.16468 Prop. 1, Cor. 2, A.1, A.2; 2502.09252 Prop. 3.1, Cor. 3.3, section 3, A.1, A.3, Figure S1.
"""

from __future__ import annotations

from typing import Any

from ssllib import geometry
from ssllib.spaces import Formula, Space
from ssllib.statements import Relation, Statement, agree, examine


def cosine(s: Space) -> Any:
    return s.dot(s.unit(s.z), s.unit(s.t))


def loss(s: Space) -> Any:
    """The attraction loss of both papers."""
    return -cosine(s)


def gradient(s: Space) -> Any:
    """The true gradient of the loss, by differentiation."""
    return s.gradient(loss)


def matrix_form(s: Space) -> Any:
    """(1/|z|) (I - z z^T / |z|^2) t/|t|"""
    u = s.unit(s.t)
    return (u - s.z * s.dot(s.z, u) / s.norm(s.z) ** 2) / s.norm(s.z)


def perp_form(s: Space) -> Any:
    """The component of (t/|t|) / |z| orthogonal to z."""
    return s.perp(s.unit(s.t) / s.norm(s.z), s.z)


def negative(f: Formula) -> Formula:
    return lambda s: -f(s)


def squared(f: Formula) -> Formula:
    return lambda s: s.dot(f(s), f(s))


def farther(f: Formula) -> Formula:
    """f at (1 + gamma) z: farther out in the same direction."""
    return lambda s: s.at(f, s.z * (1 + s.gamma))


def moved(direction: Formula) -> Formula:
    """z after a step gamma along `direction`."""
    return lambda s: s.z + s.gamma * direction(s)


def descends(direction: Formula) -> Relation:
    """To first order, a step along `direction` does not raise the loss."""
    return Relation(lambda s: s.gamma * s.dot(gradient(s), direction(s)), lambda s: 0 * s.gamma, "<=")


def magnitude_squared(s: Space) -> Any:
    """(sin(phi) / |z|)^2; both sides of the printed equation are >= 0, so squares may be compared."""
    return (1 - cosine(s) ** 2) / s.dot(s.z, s.z)


def grown_by(pull: Formula) -> Formula:
    """|z|^2 + gamma^2 / |z|^2 |pull orthogonal to z|^2, as the proof of the corollary prints it."""

    def f(s: Space) -> Any:
        zz, sideways = s.dot(s.z, s.z), s.perp(pull(s), s.z)
        return zz + s.gamma**2 / zz * s.dot(sideways, sideways)

    return f


MATRIX = (
    r"\frac{1}{\lVert z_i \rVert} \Bigl( I - \frac{z_i z_i^\top}{\lVert z_i \rVert^2} \Bigr)"
    r" \frac{z_j}{\lVert z_j \rVert}"
)
PERP = r"\Bigl( \frac{\hat z_j}{\lVert z_i \rVert} \Bigr)_{\perp z_i}"
GRADIENT = r"\nabla_i^{\mathcal A} = "
PROP_1 = "2406.16468 Prop. 1"
PROP_3_1 = "2502.09252 Prop. 3.1"


def printed_gradient(source: str, sign: str, matrix: Formula, perp: Formula) -> list[Statement]:
    """Both forms of the gradient as a paper prints them, against the gradient of -cos."""
    rest = ((MATRIX, matrix, matrix_form), (PERP, perp, perp_form))
    return [
        examine(
            source,
            f"{GRADIENT}{sign}{tex}",
            Relation(form, gradient),
            corrected=(f"{GRADIENT}-{tex}", Relation(negative(right), gradient)),
        )
        for tex, form, right in rest
    ]


def cosine_gradient(seed: int) -> list[Statement]:
    """The gradient as both papers print it, and ours against autograd."""
    return [
        *printed_gradient(PROP_1, "", matrix_form, perp_form),
        *printed_gradient(PROP_3_1, "-", negative(matrix_form), negative(perp_form)),
        examine(
            "orthogonality",
            r"z_i^\top \nabla_i^{\mathcal A} = 0",
            Relation(lambda s: s.dot(s.z, gradient(s)), lambda s: 0 * s.gamma),
            role="added",
        ),
        agree(
            "ssllib.geometry",
            rf"\texttt{{negative\_cosine\_gradient}} = -{PERP}",
            lambda s: geometry.negative_cosine_gradient(s.z, s.t),
            gradient,
            seed,
        ),
    ]


def sign_2406(seed: int) -> list[Statement]:
    """The sign in 2406.16468: in Prop. 1, in its proof, and where it is used."""
    f_over_g = r"\frac{z_i^\top z_j}{\lVert z_i \rVert \lVert z_j \rVert}"
    return [
        *printed_gradient(PROP_1, "", matrix_form, perp_form)[:1],
        examine(
            "2406.16468 A.1, first line",
            rf"\mathcal L_i^{{\mathcal A}} = {f_over_g}",
            Relation(cosine, loss),
            role="proof",
            corrected=(rf"\mathcal L_i^{{\mathcal A}} = -{f_over_g}", Relation(negative(cosine), loss)),
        ),
        examine(
            "2406.16468 A.1, last line",
            rf"\nabla_i \, {f_over_g} = {MATRIX}",
            Relation(lambda s: s.gradient(cosine), matrix_form),
            role="proof",
        ),
        examine(
            "2406.16468 Theorem 3, its use",
            rf"z_i' = z_i + \gamma \cdot {PERP} \text{{ descends on }} \mathcal L_i^{{\mathcal A}}",
            descends(perp_form),
            role="added",
        ),
    ]


def sign_2502(seed: int) -> list[Statement]:
    """The sign in 2502.09252: in Prop. 3.1, and in the update of section 3."""
    return [
        *printed_gradient(PROP_3_1, "-", negative(matrix_form), negative(perp_form))[:1],
        examine(
            "2502.09252 section 3, the update",
            r"z_i' = z_i + \gamma \nabla_i \text{ is a step of descent}",
            descends(gradient),
            corrected=(r"z_i' = z_i - \gamma \nabla_i", descends(negative(gradient))),
            show={"cosine before": cosine, "cosine after": lambda s: s.at(cosine, moved(gradient)(s))},
        ),
        examine(
            "2502.09252 section 3, its use",
            r"\lVert z_i' - z_i \rVert = \gamma \lVert \nabla_i \rVert \text{ with either sign}",
            Relation(
                lambda s: s.dot(moved(negative(gradient))(s) - s.z, moved(negative(gradient))(s) - s.z),
                lambda s: s.gamma**2 * squared(gradient)(s),
            ),
            role="added",
        ),
    ]


def magnitude(seed: int) -> list[Statement]:
    """The magnitude sin(phi) / |z|, of either sign."""
    tex = r"\lVert \nabla_i^{\mathcal A} \rVert = \frac{\sin \phi_{ij}}{\lVert z_i \rVert}"
    return [
        examine(PROP_1, tex, Relation(squared(perp_form), magnitude_squared)),
        examine(PROP_3_1, tex, Relation(squared(gradient), magnitude_squared)),
        agree(
            "ssllib.geometry",
            r"\texttt{gradient\_norm} = \frac{\sin \phi}{\lVert z \rVert}",
            lambda s: geometry.gradient_norm(s.z, s.t).unsqueeze(-1),
            lambda s: s.norm(gradient(s)),
            seed,
        ),
    ]


def landscape_flatter(seed: int) -> list[Statement]:
    """The landscape farther out: its steepness falls as 1/norm, its curvature as 1/norm^2."""
    farther_tex = r"\nabla \cos (k z) = \tfrac1k \nabla \cos(z)"

    def bend(s: Any) -> Any:
        """The second derivative of the cosine along the circle, times |v|^2 (v, along the circle, not unit).

        Along a circle it is v^T H v: the circle's own bend points along z, and there the gradient is zero.
        """
        v = s.perp(s.t, s.z)
        return s.at(cosine, s.z + s.gamma * v).diff(s.gamma, 2).subs(s.gamma, 0)

    return [
        examine(
            "2502.09252 Figure S1",
            r"\lVert \nabla \cos(k z) \rVert < \lVert \nabla \cos(z) \rVert \quad (k > 1, \ \sin \phi > 0)",
            Relation(squared(farther(gradient)), squared(gradient), "<", apart=True),
        ),
        examine(
            "by exactly the ratio of the norms",
            farther_tex,
            Relation(lambda s: farther(gradient)(s) * (1 + s.gamma), gradient),
            role="added",
        ),
        examine(
            "curvature along a circle",
            r"\frac{\partial^2 \cos \phi}{\partial s^2} = -\frac{\cos \phi}{\lVert z \rVert^2}",
            Relation(bend, lambda s: -cosine(s) / s.dot(s.z, s.z) * squared(lambda s: s.perp(s.t, s.z))(s)),
            role="added",
        ),
    ]


def step_never_shrinks(seed: int) -> list[Statement]:
    """Norms after a step on the cosine similarity, and the equation of the proof."""
    tex = r"\lVert z_i' \rVert \geq \lVert z_i \rVert"
    rho = r"\lVert z_i' \rVert^2 = \lVert z_i \rVert^2 + \frac{\gamma^2}{\lVert z_i \rVert^2} \lVert "
    return [
        *(
            examine(source, tex, Relation(squared(lambda s: s.z), squared(moved(negative(form))), "<="))
            for source, form in (("2406.16468 Cor. 2", perp_form), ("2502.09252 Cor. 3.3", gradient))
        ),
        examine(
            "2406.16468 A.2, 2502.09252 A.3",
            rho + r"(z_j)_{\perp z_i} \rVert^2",
            Relation(squared(moved(negative(gradient))), grown_by(lambda s: s.t)),
            role="proof",
            corrected=(
                rho + r"(\hat z_j)_{\perp z_i} \rVert^2",
                Relation(squared(moved(negative(gradient))), grown_by(lambda s: s.unit(s.t))),
            ),
        ),
        examine(
            "strictly, off the axis",
            r"\lVert z_i' \rVert > \lVert z_i \rVert \quad (\sin \phi_{ij} > 0)",
            Relation(squared(lambda s: s.z), squared(moved(negative(gradient))), "<", apart=True),
            role="added",
        ),
    ]


CHECKS = {
    "cosine-gradient": cosine_gradient,
    "cosine-gradient-sign-2406": sign_2406,
    "cosine-gradient-sign-2502": sign_2502,
    "cosine-gradient-magnitude": magnitude,
    "landscape-flatter": landscape_flatter,
    "step-never-shrinks-cosine": step_never_shrinks,
}
