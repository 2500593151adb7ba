"""For which powers GradScale's field is the gradient of a function: curl, closed paths, other losses.

Source: 2502.09252 section 6, Figure 6, Listing 2, appendix D (where p is the cosine and alpha the power).
"""

from __future__ import annotations

from typing import Any

from ssllib.theory.proofs.algebra import AllEqual
from ssllib.theory.proofs.formulas import cosine
from ssllib.theory.proofs.gradscale_field import powered
from ssllib.theory.proofs.potentials import (
    infonce_curl_error,
    loop,
    only_power_zero,
    squared_curl,
    symbolic_power,
    uphill,
    work,
)
from ssllib.theory.proofs.reading import Angle, Reading, numbers
from ssllib.theory.proofs.readings import Coordinates, Gram
from ssllib.theory.proofs.statements import TOLERANCE, Relation, Statement, agree, examine, settle

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
    gram = Gram()
    curl = r"\lVert \operatorname{curl} \rVert^2"
    words = {curl: squared_curl(), r"\alpha": alpha, r"\lVert z \rVert": gram.rho, r"\phi": Angle(lambda s: gram.c)}
    closed = r"\oint \lVert z \rVert^\alpha \, \nabla p \cdot dz"
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
        examine(
            "every n, every z",
            rf"{curl} = \alpha^2 \, \lVert z \rVert^{{2 \alpha - 4}} \sin^2\phi",
            numbers(words),
            role="added",
        ),
        examine(
            "once around t, 2t, 2u, u, t, for u at a right angle to t",
            rf"{closed} = 1 - 2^\alpha",
            numbers({closed: loop(), r"\alpha": alpha}),
            role="added",
        ),
    ]


def along(k: int) -> str:
    return rf"\int_{{s_{k}}} \sigma \nabla p \cdot dz"


def path_integrals(seed: int) -> list[Statement]:
    """The two great circles of the proof, walked from t towards -t as it says; the two rays between them."""
    import sympy as sp

    alpha = symbolic_power()
    outer, inner = work(2, "s", 0, "pi"), work(1, "s", 0, "pi")
    words = {
        along(1): work("s", 0, 1, 2),
        along(2): outer,
        along(3): inner,
        along(4): work("s", "pi", 1, 2),
        "p(2t)": sp.Integer(1),  # the cosine with t
        "p(-2t)": sp.Integer(-1),
        r"\alpha": alpha,
    }
    options = {"points": [{alpha: 0}], "names": ("integral", "printed")}
    forwards = Reading(words, AllEqual, options=options)
    back = Reading(
        {along(2): work(2, "s", "pi", 0), along(3): work(1, "s", "pi", 0), r"\alpha": alpha}, AllEqual
    )
    roots = sp.solveset(outer - inner, alpha, sp.Reals)
    return [
        examine(
            "2502.09252 Eq. 6",
            rf"{along(2)} = 2^\alpha \bigl( p(2t) - p(-2t) \bigr) = 2^{{\alpha + 1}}",
            forwards,
            corrected=rf"{along(2)} = 2^\alpha \bigl( p(-2t) - p(2t) \bigr) = -2^{{\alpha + 1}}",
        ),
        examine(
            "2502.09252 Eq. 7",
            rf"{along(3)} = 1^\alpha \cdot 2 = 2",
            forwards,
            corrected=rf"{along(3)} = 1^\alpha \cdot (-2) = -2",
        ),
        examine(PROOF, rf"{along(1)} = {along(4)} = 0", forwards, role="proof"),
        settle(
            "2502.09252 Eq. 8, its conclusion",
            rf"{along(2)} = {along(3)} \text{{ only for }} \alpha = 0",
            roots == sp.FiniteSet(0),
            None,
            role="proof",
        ),
        *(
            examine("walked backwards, from -t to t", tex, back, role="added")
            for tex in (rf"{along(2)} = 2^{{\alpha + 1}}", rf"{along(3)} = 2")
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
            rf"{STOPPED} = \nabla^{{(1)}}",
            powered(1, words={STOPPED: lambda s: s.gradient(_stopped)}),
            seed,
            per=1,
        ),
    ]


STOPPED = r"\nabla \bigl( \operatorname{sg}(\lVert z \rVert) \, \mathcal L \bigr)"


def _along_the_ray(p: int) -> Statement:
    return examine(
        f"so q would be constant along rays, p = {p}",
        rf"z^\top \nabla^{{({p})}} = 0",
        powered(p),
        role="added",
    )


def _degree(p: int) -> Statement:
    """A function that is constant along rays has a gradient of degree -1; the field has degree p - 1."""
    return examine(
        f"and its gradient would be of degree -1, p = {p}",
        rf"\nabla^{{({p})}}(k z) = k^{{{p - 1}}} \, \nabla^{{({p})}}(z) \quad (k > 1)",
        powered(p),
        role="added",
    )


def _descends(p: int) -> Statement:
    return examine(
        f"it descends on the same loss all the same, p = {p}",
        rf"\nabla^\top \nabla^{{({p})}} > 0 \quad (0 < \phi < \pi)",
        powered(p),
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
