"""For which powers GradScale's field is the gradient of a function: curl, closed paths, other losses.

Source: 2502.09252 section 6, Figure 6, Listing 2, appendix D (where p is the cosine and alpha the power).
"""

from __future__ import annotations

from typing import Any

from ssllib.proofs.formulas import (
    cosine,
    farther,
    gradient,
    zero,
)
from ssllib.proofs.gradscale_field import scaled_down
from ssllib.proofs.potentials import (
    equal,
    infonce_curl_error,
    loop,
    only_power_zero,
    scaled,
    size_of_the_curl,
    symbolic_power,
    uphill,
    work,
)
from ssllib.proofs.spaces import Coordinates
from ssllib.proofs.statements import TOLERANCE, Relation, Statement, agree, examine, settle

SECTION, PROPOSITION, PROOF = "2502.09252 section 6", "2502.09252 Prop. D.1", "2502.09252 Prop. D.1, proof"
DEFAULT, SCALED = r"\nabla", r"\nabla^{(p)}"
USED = (2, 128, 256, 2048)
"""The dimensions the papers use: Figure 6, the released SimCLR, the text's SimCLR and SimSiam."""


def no_potential(seed: int) -> list[Statement]:
    """Prop. D.1 on the line and from the plane on; then a closed path to walk by hand."""
    alpha, from_two = symbolic_power(), only_power_zero()
    line = Coordinates(1)
    still = not any(line.reduce(uphill(alpha)(line)))  # on the line the field is zero, for every power
    example = {"n": 1, "alpha": 1, "field": 0, "potential": 0} if still else None
    only = r"\nabla q = \lVert z \rVert^\alpha \, \nabla p \text{ has a solution } q \text{ only for } \alpha = 0"
    size = r"\lVert \operatorname{curl} \rVert = \vert \alpha \vert \, \lVert z \rVert^{\alpha - 2} \sin\phi"
    return [
        settle(
            PROPOSITION,
            rf"\text{{for every }} n: \ {only}",
            from_two and not still,
            example,
            corrected=(rf"\text{{for every }} n \geq 2: \ {only}", from_two),
        ),
        settle(
            "its other half",
            r"\text{for } \alpha = 0: \ q = p",
            Relation(uphill(0), lambda s: s.gradient(cosine)).proved(),
            None,
            role="added",
        ),
        settle("every n, every z", size, from_two and size_of_the_curl(), None, role="added"),
        settle(
            "once around t, 2t, 2u, u, t, for u at a right angle to t",
            r"\oint \lVert z \rVert^\alpha \, \nabla p \cdot dz = 1 - 2^\alpha",
            equal(loop(), 1 - 2**alpha),
            None,
            role="added",
        ),
    ]


def path_integrals(seed: int) -> list[Statement]:
    """The two great circles of the proof, walked from t towards -t as it says."""
    import sympy as sp

    alpha = symbolic_power()
    outer, inner = work(2, "s", 0, "pi"), work(1, "s", 0, "pi")
    claims = [
        (
            "2502.09252 Eq. 6",
            r"\int_{s_2} \sigma \nabla p \cdot dz = 2^\alpha \bigl( p(2t) - p(-2t) \bigr) = 2^{\alpha + 1}",
            r"\int_{s_2} \sigma \nabla p \cdot dz = 2^\alpha \bigl( p(-2t) - p(2t) \bigr) = -2^{\alpha + 1}",
            outer,
            2 ** (alpha + 1),
        ),
        (
            "2502.09252 Eq. 7",
            r"\int_{s_3} \sigma \nabla p \cdot dz = 1^\alpha \cdot 2 = 2",
            r"\int_{s_3} \sigma \nabla p \cdot dz = 1^\alpha \cdot (-2) = -2",
            inner,
            sp.Integer(2),
        ),
    ]
    found = []
    for source, tex, fixed, integral, printed in claims:
        here = {"alpha": 0, "printed": str(printed.subs(alpha, 0)), "integral": str(integral.subs(alpha, 0))}
        wrong = None if equal(here["printed"], here["integral"]) else here
        corrected = (fixed, equal(integral, -printed))
        found.append(settle(source, tex, equal(integral, printed), wrong, corrected=corrected))
    rays = work("s", 0, 1, 2), work("s", "pi", 1, 2)
    roots = sp.solveset(outer - inner, alpha, sp.Reals)
    return [
        *found,
        settle(
            PROOF,
            r"\int_{s_1} \sigma \nabla p \cdot dz = \int_{s_4} \sigma \nabla p \cdot dz = 0",
            all(equal(x, 0) for x in rays),
            None,
            role="proof",
        ),
        settle(
            "2502.09252 Eq. 8, its conclusion",
            r"\int_{s_2} \sigma \nabla p \cdot dz = \int_{s_3} \sigma \nabla p \cdot dz \text{ only for } \alpha = 0",
            roots == sp.FiniteSet(0),
            None,
            role="proof",
        ),
        settle(
            "both ways walked backwards, from -t to t",
            r"2^{\alpha + 1} \text{ and } 2",
            equal(work(2, "s", "pi", 0), 2 ** (alpha + 1)) and equal(work(1, "s", "pi", 0), 2),
            None,
            role="added",
        ),
    ]


def not_another_loss(seed: int) -> list[Statement]:
    """No function of the embedding has GradScale's field as its gradient, in the dimensions that are used."""
    used = ", ".join(map(str, USED))
    return [
        settle(
            "2502.09252 appendix D",
            rf"\nabla q = {SCALED} \text{{ for no function }} q \quad (p \neq 0, \ n = {used})",
            only_power_zero() and min(USED) >= 2,
            {"n": 1, "p": 1, "gradient": 0, "another loss": 0} if min(USED) < 2 else None,
        ),
        *(_along_the_ray(p) for p in (1, 2)),
        *(_degree(p) for p in (1, 2)),
        infonce_curl(seed),
        *(_descends(p) for p in (1, 2)),
        agree(
            "the same field by a stop-gradient: a program, not a function of z",
            r"\nabla \bigl( \operatorname{sg}(\lVert z \rVert) \, \mathcal L \bigr) = \nabla^{(1)}",
            scaled_down(lambda s: s.gradient(_stopped), 1),
            gradient,
            seed,
        ),
    ]


def _along_the_ray(p: int) -> Statement:
    return examine(
        f"so q would be constant along rays, p = {p}",
        rf"z^\top \nabla^{{({p})}} = 0",
        Relation(lambda s: s.dot(s.z, scaled(p)(s)), zero),
        role="added",
    )


def _degree(p: int) -> Statement:
    """A function that is constant along rays has a gradient of degree -1; the field has degree p - 1."""
    return examine(
        f"and its gradient would be of degree -1, p = {p}",
        rf"\nabla^{{({p})}}(k z) = k^{{{p - 1}}} \, \nabla^{{({p})}}(z) \quad (k > 1)",
        Relation(farther(scaled(p)), lambda s: (1 + s.gamma) ** (p - 1) * scaled(p)(s)),
        role="added",
    )


def _descends(p: int) -> Statement:
    return examine(
        f"it descends on the same loss all the same, p = {p}",
        rf"\nabla^\top \nabla^{{({p})}} > 0 \quad (0 < \phi < \pi)",
        Relation(zero, lambda s: s.dot(gradient(s), scaled(p)(s)), "<", between=(-1, 1)),
        role="added",
    )


def _stopped(s: Any) -> Any:
    """The loss times its norm, the norm being a constant to autograd (`Numbers` only)."""
    return -s.norm(s.z).detach() * cosine(s)


def infonce_curl(seed: int) -> Statement:
    """The curl of the field that GradScale (p = 1, 2) makes of InfoNCE, by autograd in n = 2, 3 and 20."""
    errors = {f"n = {n}, p = {p}": infonce_curl_error(n, p, seed) for n in (2, 3, 20) for p in (1.0, 2.0)}
    wrong = {name: f"error {e:.0e}" for name, e in errors.items() if not e < 1e3 * TOLERANCE}
    return settle(
        "InfoNCE, an anchor among four pairs",
        r"\operatorname{curl} \lVert z \rVert^p \nabla \mathcal L"
        r" = p \, \lVert z \rVert^{p - 2} \bigl( \nabla \mathcal L \, z^\top - z \, \nabla \mathcal L^\top \bigr)"
        r" \neq 0",
        not wrong,
        wrong or None,
        how="autograd",
        role="added",
    )


CHECKS = {
    "gradscale-no-potential": no_potential,
    "gradscale-path-integrals": path_integrals,
    "gradscale-not-another-loss": not_another_loss,
}
