r"""What holds at every angle: the sharp bound on the change of the cosine in one step, and its corollaries.

For two embeddings of equal norm rho, with k = gamma / rho^2 (then for any norms):

    change = k sin(phi) (sin(phi) + sin(phi')) <= k sin(phi) (1 + sin(phi)),   phi' the angle after the step,
    (1 - k) 2 k sin^2(phi) <= change <= (1 + k) 2 k sin^2(phi).
"""

from __future__ import annotations

from typing import Any

from ssllib.theory.proofs.printed_step import after_step, with_hats
from ssllib.theory.proofs.reading import Reading, numbers, value
from ssllib.theory.proofs.statements import Statement, examine

DELTA = r"\Delta \cos\phi"
K = "k"
PRINTED = r"\frac{2 \gamma \sin^2 \phi_{ij}}{\rho^2}"
BEST = r"\frac{1 - \sin\phi}{- \sin\phi \cos\phi}"
AT = rf"\text{{ at }} {K} = {BEST}"
AFTER = r"\phi - 2 \arctan(k \sin\phi)"
CORRECT = rf"{DELTA} \leq {PRINTED} \Bigl( 1 + \frac{{\gamma}}{{\rho^2}} \Bigr)"


def equal() -> Reading:
    return after_step(with_hats, equal=True)


def sharp() -> list[Statement]:
    """The bound that holds at every angle and is attained, and why no constant will do."""
    import sympy as sp

    c, s, x = sp.symbols("c s k", real=True)
    phi = sp.Symbol("phi")
    circle = (sp.Eq(s**2 + c**2, 1), sp.Ge(s, 0), sp.Gt(x, 0))
    exact = 2 * x * s**2 * (1 - x * c) / (1 + x**2 * s**2)
    at = {s: sp.sin(phi), c: sp.cos(phi)}
    angle = {r"\phi": phi, "k": x}
    best = {x: value(BEST, angle)}  # where the step ends at a right angle
    later = sp.expand_trig(sp.sin(value(AFTER, angle)))
    there = {DELTA: exact.subs(best | at).subs(at), r"\phi": phi, "k": best[x]}
    off = (*circle, sp.Gt(s, 0), sp.Gt((c + 2 * x * s**2 - x**2 * s**2 * c) ** 2, 0))
    return [
        examine(
            r"the sharp bound ($k = \gamma / \rho^2$)",
            rf"{DELTA} \leq {K} \sin\phi \, (1 + \sin\phi)",
            equal(),
            role="added",
        ),
        examine(
            rf"exactly, with the angle $\phi' = {AFTER}$ after the step",
            rf"{DELTA} = {K} \sin\phi \, (\sin\phi + \sin\phi')",
            numbers({DELTA: exact.subs(at), r"\sin\phi'": later, **angle}),
            role="added",
        ),
        examine(
            "attained where the step ends at a right angle",
            rf"{DELTA} = {K} \sin\phi \, (1 + \sin\phi) {AT}",
            numbers(there),
            role="added",
        ),
        examine(
            r"and there only, off the axis ($\sin\phi > 0$)",
            rf"{DELTA} < {K} \sin\phi \, (1 + \sin\phi) \quad (\cos\phi' \neq 0)",
            numbers({DELTA: exact, "k": x, r"\sin\phi": s}, given=off),
            role="added",
        ),
        examine(
            "no constant in the place of 2 will do",
            rf"\frac{{{DELTA}}}{{{K} \sin^2\phi}} = 1 + \frac{{1}}{{\sin\phi}} {AT}",
            numbers(there),
            role="added",
        ),
        *two_sided(),
    ]


def two_sided() -> list[Statement]:
    """The corollary for readers: 2 k sin^2 with a relative error of at most k."""
    return [
        examine("corollary, from above", CORRECT, equal(), role="added"),
        examine(
            "corollary, from below",
            rf"{DELTA} \geq {PRINTED} \Bigl( 1 - \frac{{\gamma}}{{\rho^2}} \Bigr)",
            equal(),
            role="added",
        ),
    ]


def unequal_norms() -> list[Statement]:
    """At any norms the pair turns by theta = theta_i + theta_j, tan(theta_i) = k_i sin(phi)."""
    import sympy as sp

    c, s, p, q, h = sp.symbols("c s p q h", real=True)
    circle = (sp.Eq(s**2 + c**2, 1), sp.Ge(s, 0))
    turned = 2 * h * (s - h * c) / (1 + h**2)  # cos(phi - theta) - cos(phi) with h = tan(theta / 2)
    quarter = (sp.Ge(p, 0), sp.Ge(q, 0), sp.Lt(p, 1), sp.Lt(q, 1))  # tan(theta_i / 2), tan(theta_j / 2)
    half = r"\tan\tfrac{\theta_i + \theta_j}2"
    tangents: dict[str, Any] = {
        half: (p + q) / (1 - p * q),
        r"\tan\theta_i": 2 * p / (1 - p**2),
        r"\tan\theta_j": 2 * q / (1 - q**2),
    }
    source = "at unequal norms"
    return [
        examine(
            source + r" ($\tan\theta_i = \gamma \sin\phi / \lVert z_i \rVert^2$)",
            rf"{DELTA} \leq {half} \, (1 + \sin\phi)",
            numbers({DELTA: turned, half: h, r"\sin\phi": s}, given=(*circle, sp.Ge(h, 0))),
            role="added",
        ),
        examine(
            source + " (both angles below a right angle)",
            rf"{half} \leq \tfrac12 (\tan\theta_i + \tan\theta_j)",
            numbers(tangents, given=quarter),
            role="added",
        ),
    ]
