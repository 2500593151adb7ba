r"""What the papers read into the bound: slowdowns in the norm and in the angle.

Source: 2406.16468 Introduction and C.1; 2502.09252 section 4.1 and B.1. The time to a given cosine is the
closed form of small steps at a constant norm rho (see `ssllib.engine.simulations.small_step`): with k = gamma / rho^2,

    d phi / dt = -2 k sin(phi),    T = (1 / 2k) ln(tan(phi_0 / 2) / tan(phi_* / 2)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssllib.theory.proofs.algebra import Algebra, vanishes
from ssllib.theory.proofs.printed_step import after_step, with_hats
from ssllib.theory.proofs.reading import Angle, Reading, Symbols, evaluate, numbers, read, sides, value
from ssllib.theory.proofs.statements import Statement, approach, examine

TARGET = "0.999"
"""The cosine at which both papers call a pair converged."""
START, END = r"\tan(\phi_0 / 2)", r"\tan(\phi_\ast / 2)"
TIME = r"\frac{\rho^2}{2 \gamma} \ln \frac{\tan(\phi_0 / 2)}{\tan(\phi_\ast / 2)}"
SOLUTION = r"\tan\tfrac{\phi_0}2 \, e^{-2 k t}"
SMALL_STEPS = r"- 2 k \sin\phi"
RATE = r"\gamma / \rho^2"


def _time() -> tuple[Any, ...]:
    """SymPy's symbols for tan(phi_0 / 2), tan(phi_* / 2), rho, gamma, t, and T as a function of them."""
    import sympy as sp

    start, target, rho, gamma, t = sp.symbols("x0 x1 rho gamma t", positive=True)
    words = {r"\rho": rho, r"\gamma": gamma, START: start, END: target}
    return start, target, rho, gamma, t, value(TIME, words)


def closed_form() -> list[Statement]:
    """T is what it is called: it solves the equation of small steps and ends at the target."""
    import sympy as sp

    start, target, rho, gamma, t, time = _time()
    k = value(RATE, {r"\rho": rho, r"\gamma": gamma})
    words = {r"\tan\tfrac{\phi_0}2": start, "e": sp.E, "k": k, "t": t}
    half = value(SOLUTION, words)  # tan(phi / 2)
    phi = 2 * sp.atan(half)
    slope = value(SMALL_STEPS, {"k": k, r"\sin\phi": 2 * half / (1 + half**2)})
    at_zero, at_end = half.subs(t, 0), half.subs(t, time)
    return [
        examine(
            rf"small steps: $\dot\phi = {SMALL_STEPS}$ ($k = {RATE}$) has the solution",
            rf"\tan\tfrac\phi2 = {SOLUTION}",
            numbers({r"\tan\tfrac\phi2": half + phi.diff(t) - slope + at_zero - start, **words}),
            role="added",
        ),
        examine(
            "which is at the target",
            rf"\tan\tfrac\phi2 = \tan\tfrac{{\phi_\ast}}2 \text{{ at }} T = {TIME}",
            numbers({r"\tan\tfrac\phi2": at_end, r"\tan\tfrac{\phi_\ast}2": target}),
            role="added",
        ),
    ]


@dataclass(frozen=True)
class Grows(Reading):
    r"""A limit of numbers as `variable` grows: printed as "... \to value", or as "\lim ... > 0", infinite included."""

    variable: Any = None

    def relation(self, latex: str) -> Grown:
        ((left, sign, right),) = sides(read(latex, tuple(self.words)))
        a, b = (evaluate(x, self.words, Symbols()) for x in (left, right))
        return Grown(a, sign, b, self.variable)


@dataclass(frozen=True)
class Grown:
    """Whether SymPy's limit of `left`, as `variable` grows, is `right` ("->"), or related to it by `sign`."""

    left: Any
    sign: str
    right: Any
    variable: Any

    def found(self) -> tuple[bool, str]:
        import sympy as sp

        limit = sp.limit(self.left, self.variable, sp.oo)
        if self.sign == ">":
            holds = bool((limit - self.right).is_extended_positive)
        elif self.sign == "->":
            same = limit == self.right or (limit.is_finite and vanishes(limit - self.right))
            holds = bool(same)
        else:
            holds = False
        return holds, str(limit)

    def proved(self) -> bool:
        return self.found()[0]


def at_least_quadratic(seed: int) -> list[Statement]:
    """The orders of T in the norm and in the sine of the starting angle, apart."""
    import sympy as sp

    start, target, rho, gamma, _, time = _time()
    more, power = sp.symbols("w p", positive=True)
    words = {
        r"\lim_{\rho \to \infty}": 1,  # of all that follows
        r"\lim_{\phi_0 \to \pi}": 1,
        "T": time,
        r"\rho": rho,
        r"\gamma": gamma,
        "p": power,
        r"\infty": sp.oo,
        r"\phi_0": Angle(lambda s: (1 - start**2) / (1 + start**2)),
    }
    source = "Introduction of 2406.16468"
    logarithm = r"T \Big/ \Bigl( \frac{\rho^2}{2 \gamma} \ln \frac{1}{\sin\phi_0} \Bigr) \to 1"
    angle = Grows(words, variable=start)
    norm = Grows(words | {"T": time.subs(start, (1 + more) * target)}, variable=rho)  # not yet at the target
    return [
        approach(f"{source}, large norms", r"\lim_{\rho \to \infty} T / \rho^2 > 0", norm),
        approach(
            f"{source}, large angles",
            r"\lim_{\phi_0 \to \pi} T \sin^2\phi_0 > 0",
            angle,
            corrected=(logarithm + r" \text{ as } \phi_0 \to \pi", angle),
        ),
        approach("in the norm it is quadratic, no more", r"T / \rho^3 \to 0", norm, role="added"),
        approach(
            "nor is it any power of the sine, near π",
            r"T \sin^p\phi_0 \to 0 \quad (p > 0)",
            Grows(words | {"T": sp.log(start), r"\sin^p\phi_0": start**-power}, variable=start),
            role="added",
        ),
        approach("it is a logarithm", logarithm, angle, role="added"),
        *closed_form(),
    ]


FEWEST = r"\frac{(0.999 - \cos\phi_0) \, \rho_0^2}{2 \gamma}"
MOST = r"\frac{2 n \gamma}{\rho_0^2}"


def unbounded(seed: int) -> list[Statement]:
    """However many steps: there is a norm that needs more. For steps of any size, not only small ones."""
    import sympy as sp

    n, rho, gamma = sp.symbols("n rho gamma", positive=True)
    before, steps = sp.symbols("c_0 N", real=True)
    gained = value(MOST, {"n": steps, r"\rho_0": rho, r"\gamma": gamma})
    words = {r"\cos\phi_0": before, r"\rho_0": rho, r"\gamma": gamma}
    fewest = value(FEWEST, words)
    reached = sp.solve(before + gained - value(TARGET, {}), steps)[0]
    lemmas = [
        examine(
            "a step adds at most this to the cosine",
            r"\Delta \cos\phi \leq \frac{2 \gamma}{\rho^2}",
            after_step(with_hats, equal=True),
            role="added",
        ),
        examine(
            "and the norm never shrinks",
            r"\lVert z_i' \rVert \geq \lVert z_i \rVert",
            after_step(with_hats, squared=True),
            role="added",
        ),
        examine(
            "so n steps add at most n times that, by induction",
            rf"\cos\phi_n - \cos\phi_0 \leq {MOST}",
            Induction({}),
            role="added",
        ),
        examine(
            "from there to the target",
            rf"n = {FEWEST} \text{{ where that is }} \cos\phi_n = {TARGET}",
            numbers({"n": reached, **words}),
            role="added",
        ),
    ]
    missing = sp.Symbol("g", positive=True)  # of the cosine
    grown = Grown(fewest.subs(before, value(TARGET, {}) - missing), "->", sp.oo, rho)
    sound, (endless, limit) = all(s.holds for s in lemmas), grown.found()
    derived = vanishes(reached - fewest)
    claim = Statement(
        "Section 4.1 of 2502.09252",
        rf"\text{{steps}} \geq {FEWEST} \to \infty \ (\rho_0 \to \infty)",
        sound and endless and derived,
        "Z3, SymPy",
        None if endless and derived else {"limit": limit, "steps at least": str(reached)},
    )
    return [claim, *lemmas]


@dataclass(frozen=True)
class Induction(Reading):
    """A printed bound on the gain of n steps: it holds for none, and a step that gains 2 gamma / rho^2 keeps it."""

    def relation(self, latex: str) -> Algebra:
        import sympy as sp

        n, gamma, a, b, so_far, new = sp.symbols("n gamma a b x y", real=True)  # squares of norms: a, and b >= a
        words = {r"\cos\phi_n - \cos\phi_0": so_far, "n": n, r"\gamma": gamma, r"\rho_0": sp.sqrt(a)}
        ((left, sign, right),) = sides(read(latex, tuple(words)))
        gain, most = (evaluate(x, words, Symbols()) for x in (left, right))
        none = vanishes(most.subs(n, 0)) and gain == so_far
        given = (sp.Ge(n, 0), sp.Gt(gamma, 0), sp.Gt(a, 0), sp.Ge(b, a), sp.Le(new * b, 2 * gamma))
        before = sp.Le(gain * a, sp.expand(most * a))
        return Algebra(gain + new if none else sp.nan, most.subs(n, n + 1), sign, (*given, before))


CLOSE, ALLOWED = r"7 \pi / 8", "1.5"


def only_near_pi(seed: int) -> list[Statement]:
    """The steps from 7 pi / 8 over those from a right angle, and where that ratio reaches 1.5."""
    import sympy as sp

    start, target, _, _, _, time = _time()
    cosine = value(TARGET, {})
    end = sp.sqrt((1 - cosine) / (1 + cosine))  # tan(phi_* / 2)
    ratio = (time / time.subs(start, 1)).subs(target, end)
    here = ratio.subs(start, sp.tan(value(CLOSE, {r"\pi": sp.pi}) / 2))
    allowed = value(ALLOWED, {})
    rises = bool(sp.simplify(ratio.diff(start)).is_positive)
    root = rf"\arctan \sqrt[4]{{{end**-2}}}"
    reached = value(f"2 {root}", {root: sp.atan(sp.root(end**-2, 4))})
    holds = rises and bool(here < allowed)
    return [
        Statement(
            r"C.1 of 2406.16468, section 4.1 of 2502.09252 ($\phi_0 \leq 7 \pi / 8$)",
            rf"\frac{{T(\phi_0)}}{{T(\pi/2)}} \leq \frac{{T({CLOSE})}}{{T(\pi/2)}} = {float(here):.3f} \leq {ALLOWED}",
            holds,
            "SymPy",
            None if holds else {"ratio": f"{float(here):.3f}", "rises with the angle": str(rises)},
        ),
        examine(
            "where the ratio is 1.5",
            rf"T(\phi_0) = \tfrac32 \, T(\tfrac\pi2) \text{{ at }} \phi_0 = 2 {root}"
            rf" = {float(reached / sp.pi):.3f} \, \pi",
            numbers(
                {
                    r"T(\phi_0)": ratio.subs(start, sp.tan(reached / 2)),
                    r"T(\tfrac\pi2)": 1,
                }
            ),
            role="added",
        ),
        examine(
            "what an obtuse angle costs, the acute one of the same sine saves",
            r"T(\tfrac\pi2 + \psi) - T(\tfrac\pi2) = T(\tfrac\pi2) - T(\tfrac\pi2 - \psi)",
            Saved({}),
            role="added",
        ),
        *closed_form(),
    ]


@dataclass(frozen=True)
class Saved(Reading):
    """Times in units of their common factor, as logarithms of tan(phi_0 / 2): compared through their exponentials."""

    def relation(self, latex: str) -> Algebra:
        import sympy as sp

        angle, end = sp.symbols("psi x1", positive=True)
        times = {r"T(\tfrac\pi2 + \psi)": "a", r"T(\tfrac\pi2 - \psi)": "b", r"T(\tfrac\pi2)": "r"}
        symbols = {word: sp.Symbol(name) for word, name in times.items()}
        ((left, sign, right),) = sides(read(latex, tuple(symbols)))
        gap = sp.expand(evaluate(left, symbols, Symbols()) - evaluate(right, symbols, Symbols()))
        halves = {"a": sp.tan(sp.pi / 4 + angle / 2), "b": sp.tan(sp.pi / 4 - angle / 2), "r": sp.S(1)}
        product = sp.prod((halves[str(s)] / end) ** gap.coeff(s) for s in symbols.values())
        return Algebra(sp.trigsimp(product), sp.Integer(1), sign)


MIXED = r"x_2 (1 - \lvert \alpha \rvert) + x_1 \alpha"


def angle_control(seed: int) -> list[Statement]:
    """The interpolation by which the simulation sets the angle, for orthonormal x_1 and x_2."""
    import sympy as sp

    alpha, a = sp.symbols("alpha a", real=True)
    words = {  # the plane that any orthonormal pair spans
        "x_1": sp.Matrix([0, 1]),
        "x_2": sp.Matrix([1, 0]),
        r"\alpha": alpha,
        r"\lvert \alpha \rvert": sp.Abs(alpha),
    }
    points = [{alpha: sp.Rational(x)} for x in ("1/2", "-1/2", "1/4")]
    within = (sp.Ge(a, 0), sp.Le(a, 1))
    return [
        examine(
            r"B.1 of 2502.09252 ($x_1 \perp x_2$), of the norm",
            rf"\lVert {MIXED} \rVert = 1",
            numbers(words, points=points, names=("norm", "")),
            corrected=rf"\lVert \frac{{{MIXED}}}{{\lVert {MIXED} \rVert}} \rVert = 1",
        ),
        examine(
            "at worst the norm is short by a factor of √2",
            r"\lVert x_2' \rVert^2 \geq \tfrac12 \quad (0 \leq \alpha \leq 1)",
            numbers({r"\lVert x_2' \rVert^2": (1 - a) ** 2 + a**2}, given=within),
            role="added",
        ),
    ]


CHECKS = {
    "slowdown-at-least-quadratic": at_least_quadratic,
    "slowdown-unbounded": unbounded,
    "angle-matters-only-near-pi": only_near_pi,
    "angle-control-keeps-norm": angle_control,
}
