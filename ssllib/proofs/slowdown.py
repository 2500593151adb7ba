r"""What the papers read into the bound: slowdowns in the norm and in the angle.

Source: 2406.16468 Introduction and C.1; 2502.09252 section 4.1 and B.1. The time to a given cosine is the
closed form of small steps at a constant norm rho (see `ssllib.simulations.small_step`): with k = gamma / rho^2,

    d phi / dt = -2 k sin(phi),    T = (1 / 2k) ln(tan(phi_0 / 2) / tan(phi_* / 2)).
"""

from __future__ import annotations

from typing import Any

from ssllib.proofs.algebra import Algebra
from ssllib.proofs.formulas import embedding, squared
from ssllib.proofs.statements import Relation, Statement, examine
from ssllib.proofs.step import change, k, with_hats

TARGET = "999/1000"
"""The cosine at which both papers call a pair converged."""


def _time() -> tuple[Any, ...]:
    """SymPy's symbols for tan(phi_0 / 2), tan(phi_* / 2), rho, gamma, t, and T as a function of them."""
    import sympy as sp

    start, target, rho, gamma, t = sp.symbols("x0 x1 rho gamma t", positive=True)
    return start, target, rho, gamma, t, rho**2 / (2 * gamma) * sp.log(start / target)


def closed_form() -> list[Statement]:
    """T is what it is called: it solves the equation of small steps and ends at the target."""
    import sympy as sp

    start, target, rho, gamma, t, time = _time()
    half = start * sp.exp(-2 * gamma / rho**2 * t)  # tan(phi / 2)
    phi = 2 * sp.atan(half)
    sine = 2 * half / (1 + half**2)
    return [
        examine(
            r"small steps: $\dot\phi = - 2 k \sin\phi$ ($k = \gamma / \rho^2$) has the solution",
            r"\tan\tfrac\phi2 = \tan\tfrac{\phi_0}2 \, e^{-2 k t}",
            Algebra(phi.diff(t), -2 * gamma / rho**2 * sine),
            role="added",
        ),
        examine(
            "which is at the target",
            r"\text{at } T = \frac{\rho^2}{2 \gamma} \ln \frac{\tan(\phi_0 / 2)}{\tan(\phi_\ast / 2)}",
            Algebra(half.subs(t, time), target),
            role="added",
        ),
    ]


def _limit(
    source: str,
    printed: str,
    value: Any,
    variable: Any,
    allowed: str,
    role: str = "claim",
    corrected: Statement | None = None,
) -> Statement:
    """Whether SymPy's limit of `value`, as `variable` grows, is what is allowed: "positive", a number, or "oo".

    `corrected` is the nearby statement, itself decided.
    """
    import sympy as sp

    found = sp.limit(value, variable, sp.oo)
    if allowed == "positive":  # infinite included
        holds = bool(found.is_extended_positive)
    else:
        holds = (
            bool(sp.simplify(found - sp.sympify(allowed)) == 0) if found.is_finite else str(found) == allowed
        )
    fixed = corrected.printed if corrected and corrected.holds and not holds else None
    return Statement(source, printed, holds, "SymPy", None if holds else {"limit": str(found)}, fixed, role)


def at_least_quadratic(seed: int) -> list[Statement]:
    """The orders of T in the norm and in the sine of the starting angle, apart."""
    import sympy as sp

    start, target, rho, gamma, _, time = _time()
    more = sp.Symbol("w", positive=True)
    sine = 2 * start / (1 + start**2)
    power = sp.Symbol("p", positive=True)
    source = "Introduction of 2406.16468"
    return [
        _limit(
            f"{source}, large norms",
            r"\lim_{\rho \to \infty} T / \rho^2 > 0",
            (time / rho**2).subs(start, (1 + more) * target),  # any start that is not yet at the target
            rho,
            "positive",
        ),
        _limit(
            f"{source}, large angles",
            r"\lim_{\phi_0 \to \pi} T \sin^2\phi_0 > 0",
            time * sine**2,
            start,
            "positive",
        ),
        _limit(
            "nor is it any power of the sine, near π",
            r"T \sin^p\phi_0 \to 0 \quad (p > 0)",
            sp.log(start) * start**-power,
            start,
            "0",
            role="added",
        ),
        _limit(
            "it is a logarithm",
            r"T \Big/ \Bigl( \frac{\rho^2}{2 \gamma} \ln \frac{1}{\sin\phi_0} \Bigr) \to 1",
            time / (rho**2 / (2 * gamma) * sp.log(1 / sine)),
            start,
            "1",
            role="added",
        ),
        *closed_form(),
    ]


def unbounded(seed: int) -> list[Statement]:
    """However many steps: there is a norm that needs more. For steps of any size, not only small ones."""
    import sympy as sp

    n, gain, rho = sp.symbols("n g rho", positive=True)  # steps, cosine still missing, smallest norm
    gamma = sp.Symbol("gamma", positive=True)
    at_most = Relation(change(with_hats), lambda s: 2 * k(s), "<=", equal=True)
    lemmas = [
        examine(
            "a step adds at most this to the cosine",
            r"\Delta \cos\phi \leq \frac{2 \gamma}{\rho^2}",
            at_most,
            role="added",
        ),
        examine(
            "and the norm never shrinks",
            r"\lVert z_i' \rVert \geq \lVert z_i \rVert",
            Relation(squared(embedding), squared(lambda s: with_hats(s)[0]), "<="),
            role="added",
        ),
        examine(
            "so n steps add at most n times that, by induction",
            r"\cos\phi_n - \cos\phi_0 \leq \frac{2 n \gamma}{\rho_0^2}",
            _induction(),
            role="added",
        ),
    ]
    fewest = _limit("", "", gain * rho**2 / (2 * gamma), rho, "oo")
    sound = all(s.holds for s in lemmas)
    claim = Statement(
        "Section 4.1 of 2502.09252",
        r"\text{steps} \geq \frac{(0.999 - \cos\phi_0) \, \rho_0^2}{2 \gamma} \to \infty \ (\rho_0 \to \infty)",
        sound and fewest.holds,
        "Z3, SymPy",
        fewest.counterexample,
    )
    return [claim, *lemmas]


def _induction() -> Algebra:
    """Gain so far + gain of this step <= (n + 1) 2 gamma / rho_0^2; squares of norms as a and b >= a."""
    import sympy as sp

    n, gamma, a, b, so_far, new = sp.symbols("n gamma a b x y", real=True)
    given = (sp.Ge(n, 0), sp.Gt(gamma, 0), sp.Gt(a, 0), sp.Ge(b, a))
    step = (sp.Le(so_far * a, 2 * n * gamma), sp.Le(new * b, 2 * gamma))
    return Algebra(so_far + new, 2 * (n + 1) * gamma / a, "<=", (*given, *step))


def only_near_pi(seed: int) -> list[Statement]:
    """The steps from 7 pi / 8 over those from a right angle, and where that ratio reaches 1.5."""
    import sympy as sp

    start, target, _, _, _, time = _time()
    cosine = sp.Rational(TARGET)
    end = sp.sqrt((1 - cosine) / (1 + cosine))  # tan(phi_* / 2)
    ratio = (time / time.subs(start, 1)).subs(target, end)
    here, allowed = ratio.subs(start, sp.tan(7 * sp.pi / 16)), sp.Rational(3, 2)
    rises = bool(sp.simplify(ratio.diff(start)).is_positive)
    reached = 2 * sp.atan(sp.sqrt(1 / end))  # ratio = 3/2 where tan(phi_0 / 2)^2 = 1 / tan(phi_* / 2)
    angle = sp.Symbol("psi")
    side = [sp.tan(sp.pi / 4 + sign * angle / 2) for sign in (1, -1)]
    holds = rises and bool(here < allowed)
    return [
        Statement(
            r"C.1 of 2406.16468, section 4.1 of 2502.09252 ($\phi_0 \leq 7 \pi / 8$)",
            rf"\frac{{T(\phi_0)}}{{T(\pi/2)}} \leq \frac{{T(7 \pi / 8)}}{{T(\pi/2)}} = {float(here):.3f} \leq 1.5",
            holds,
            "SymPy",
            None if holds else {"ratio": f"{float(here):.3f}", "rises with the angle": str(rises)},
        ),
        examine(
            "where the ratio is 1.5",
            rf"T(\phi_0) = \tfrac32 \, T(\tfrac\pi2) \text{{ at }} \phi_0 = 2 \arctan \sqrt[4]{{{end**-2}}}"
            rf" = {float(reached / sp.pi):.3f} \, \pi",
            Algebra(ratio.subs(start, sp.tan(reached / 2)), allowed),
            role="added",
        ),
        examine(
            "what an obtuse angle costs, the acute one of the same sine saves",
            r"T(\tfrac\pi2 + \psi) - T(\tfrac\pi2) = T(\tfrac\pi2) - T(\tfrac\pi2 - \psi)",
            Algebra(sp.trigsimp(side[0] * side[1]), sp.Integer(1)),  # their logarithms cancel
            role="added",
        ),
        *closed_form(),
    ]


def angle_control(seed: int) -> list[Statement]:
    """The interpolation by which the simulation sets the angle, for orthonormal x_1 and x_2."""
    import sympy as sp

    alpha = sp.Symbol("alpha", real=True)
    one, two = sp.Matrix([0, 1]), sp.Matrix([1, 0])  # the plane that any orthonormal pair spans
    mixed = two * (1 - sp.Abs(alpha)) + one * alpha
    norm = sp.sqrt(mixed.dot(mixed))
    unit = mixed / norm
    a = sp.Symbol("a", real=True)
    points = [{alpha: sp.Rational(x)} for x in ("1/2", "-1/2", "1/4")]
    return [
        examine(
            r"B.1 of 2502.09252 ($x_1 \perp x_2$)",
            r"\lVert x_2 (1 - \lvert \alpha \rvert) + x_1 \alpha \rVert = 1",
            Algebra(norm, sp.Integer(1), points=points, names=("norm", "")),
            corrected=(
                r"x_2' = \frac{x_2 (1 - \lvert \alpha \rvert) + x_1 \alpha}"
                r"{\lVert x_2 (1 - \lvert \alpha \rvert) + x_1 \alpha \rVert}",
                Algebra(sp.sqrt(unit.dot(unit)), sp.Integer(1)),
            ),
        ),
        examine(
            "at worst the norm is short by a factor of √2",
            r"\lVert x_2' \rVert^2 \geq \tfrac12 \quad (0 \leq \alpha \leq 1)",
            Algebra(
                sp.Rational(1, 2), (1 - a) ** 2 + a**2, "<=", (sp.Ge(a, 0), sp.Le(a, 1)),
            ),
            role="added",
        ),
    ]  # fmt: skip


CHECKS = {
    "slowdown-at-least-quadratic": at_least_quadratic,
    "slowdown-unbounded": unbounded,
    "angle-matters-only-near-pi": only_near_pi,
    "angle-control-keeps-norm": angle_control,
}
