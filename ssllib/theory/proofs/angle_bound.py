"""The angle between independent random vectors: its law, its moments, the printed bound, and many pairs at once.

Source: 2406.16468 Prop. 5 and C.1; 2502.09252 section 4.1, Prop. C.1 and C.2.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

from ssllib.theory import random_angles
from ssllib.theory.proofs.algebra import vanishes
from ssllib.theory.proofs.angle_law import (
    bound_by_second_moment,
    exact_chance,
    half_below,
    mean_cosine_of_all_pairs,
    moment,
    moment_by_integration,
    product_law,
    scientific,
    sine_below,
    sine_bound_proved,
    the_law_factors,
    violation,
)
from ssllib.theory.proofs.reading import value
from ssllib.theory.proofs.statements import Statement, settle

PROPOSITION = "2406.16468 Prop. 5, 2502.09252 Prop. C.1"
USED = (128, 256, 2048)
"""Dimensions of the projectors and predictors in the papers and their code."""
C = r"\hat x_i^\top \hat x_j"
BOUND = r"\frac{1}{2 d (1 - \varepsilon)^2}"
TAIL = rf"\mathbb P [ {C} \geq 1 - \varepsilon ]"
BEYOND = r"\mathbb P [ \phi > \tfrac{7\pi}{8} ]"
SINE = r"\tfrac12 \sin^{d-1}(\phi)"
ANGLE_BOUND = r"\frac{1}{2 d \cos^2(\phi)}"
ONE_IN_1000 = "10^{-3}"
"""The declared meaning of "exceedingly unlikely"."""


# --- the law ------------------------------------------------------------------------------------------------


def moments(seed: int) -> list[Statement]:
    """Mean and variance, from the exact law for every d."""
    import sympy as sp

    d = sp.Symbol("d", positive=True)
    found = []
    for name, tex, order, printed in (
        ("mean", rf"\mathbb E [ {C} ] = ", 1, "0"),
        ("variance", rf"\operatorname{{Var}} [ {C} ] = ", 2, r"\tfrac1d"),
    ):
        tex, stated = tex + printed, value(printed, {"d": d})
        wrong = [
            {"d": k, name: str(exact)}
            for k in (1, 2, 3, 4, 5)
            if (exact := moment_by_integration(order, k)) != stated.subs(d, k)
        ]
        proved = the_law_factors() and vanishes(moment(order) - stated) and not wrong
        found.append(settle(f"{PROPOSITION}, proof", tex, proved, wrong[0] if wrong else None))
    return [
        *found,
        settle(
            "the law, d from 2 up",
            rf"\tfrac12 (1 + {C}) \sim \operatorname{{Beta}} \bigl( \tfrac{{d-1}}2, \tfrac{{d-1}}2 \bigr)",
            the_law_factors(),
            None,
            role="added",
        ),
        settle(
            "d = 1",
            rf"{C} = \pm 1, \text{{ each with probability }} \tfrac12",
            [_line(1)[k] for k in ((1,), (-1,))] == [value(r"\tfrac12", {})] * 2,
            None,
            how="counted",
            role="added",
        ),
    ]


# --- the bound ----------------------------------------------------------------------------------------------


def bound(seed: int) -> list[Statement]:
    """The printed bound against the exact law; what it gives away; a bound that falls exponentially in d."""
    import sympy as sp

    eps, d = sp.symbols("epsilon d", positive=True)
    phi = sp.Symbol("phi")
    printed = value(BOUND, {"d": d, r"\varepsilon": eps})
    sine = value(SINE, {"d": d, r"\phi": phi})
    below = value(ANGLE_BOUND, {"d": d, r"\phi": phi})
    of_angle = sp.lambdify([phi, d], printed.subs(eps, 1 + sp.cos(phi)))
    sine_of_angle = sp.lambdify([phi, d], sine)
    dimensions = (2, 3, 4, 5, 8, 20, 128, 2048)
    wrong, on_line = violation(of_angle, dimensions), violation(of_angle, (1,))
    half = value(r"\tfrac12", {})
    start = r"\frac{1}{2d}"
    sine_proved = sine_bound_proved(sine, d, phi)
    return [
        settle(
            PROPOSITION,
            rf"{TAIL} \leq {BOUND} \quad (d \geq 2, \ 0 < \varepsilon < 1)",
            bound_by_second_moment(printed, d, eps),
            wrong,
            how="SymPy, Z3",
        ),
        settle(
            f"{PROPOSITION}, on the line",
            rf"{TAIL} = \tfrac12 \leq {BOUND} \quad (d = 1, \ 0 < \varepsilon < 1)",
            _line(1)[(1,)] == half and half_below(printed.subs(d, 1), eps),
            on_line,
            how="Z3",
        ),
        settle(
            "as epsilon goes to 0",
            rf"{BOUND} \to {start}, \text{{ while the chance goes to 0 (from }} d = 2 \text{{ on)}}",
            vanishes(sp.limit(printed, eps, 0) - value(start, {"d": d})) and sine_proved,
            None,
            role="added",
        ),
        settle(
            "a bound that is exponential in d",
            rf"\mathbb P [ \text{{angle}} > \phi ] \leq {SINE} \quad (d \geq 1, \ \tfrac\pi2 < \phi < \pi)",
            sine_proved,
            violation(sine_of_angle, (1, *dimensions)),
            role="added",
        ),
        settle(
            "it is below the printed one",
            rf"{SINE} < {ANGLE_BOUND} \quad (d \geq 1, \ \tfrac\pi2 < \phi < \pi)",
            sine_below(sine, below, d, phi) and vanishes(printed.subs(eps, 1 + sp.cos(phi)) - below),
            None,
            role="added",
        ),
        library(of_angle, sine_of_angle),
    ]


def library(printed: Any, sine: Any) -> Statement:
    """`ssllib.theory.random_angles`, at angles from a right one to pi, against the formulas that are proved."""
    wrong = {}
    for d in (1, 2, 3, 20, 128):
        for phi in (1.6, 2.0, 2.5, 7 * math.pi / 8, 3.1):
            for name, ours, theirs in (
                ("printed_bound", random_angles.printed_bound, printed),
                ("sine_bound", random_angles.sine_bound, sine),
            ):
                if not math.isclose(float(ours(phi, d)), float(theirs(phi, d)), rel_tol=1e-12):
                    wrong[f"{name}, d = {d}"] = f"angle {phi:.3f}"
    tex = r"\text{printed\_bound and sine\_bound are these two}"
    return settle("ssllib.theory.random_angles", tex, not wrong, wrong or None, how="float64", role="added")


# --- angles near pi -----------------------------------------------------------------------------------------


IN_SPACE = r"\tfrac12 (1 - \cos \tfrac\pi8)"


def near_pi(seed: int) -> list[Statement]:
    """The exact chance beyond 7 pi / 8 in the dimensions used; what the printed bound says of it; d = 2 and 3."""
    import sympy as sp

    found = []
    angle, phi, limit = sp.pi / 8, sp.Symbol("phi"), value(ONE_IN_1000, {})
    small = {}
    for d in USED:
        exact = exact_chance(d)
        sine = value(SINE, {"d": sp.Integer(d), r"\phi": phi})
        small[d] = sine_bound_proved(sine, sp.Integer(d), phi) and bool(sine.subs(phi, angle) < limit)
        wrong = {"d": d, "chance": scientific(exact)} if exact >= limit else None
        tex = rf"{BEYOND} < {ONE_IN_1000} \quad (d = {d})"
        found.append(settle("2406.16468 C.1, 2502.09252 C.2", tex, small[d], wrong, how="SymPy, mpmath"))
    for d in USED:
        printed = value(ANGLE_BOUND, {"d": sp.Integer(d), r"\phi": phi}).subs(phi, angle)
        low = bool(printed < limit)
        found.append(
            settle(
                "by the printed bound",
                rf"{BEYOND} \leq \frac{{1}}{{2 d \cos^2 (\pi / 8)}} < {ONE_IN_1000} \quad (d = {d})",
                low,
                None if low else {"printed bound": f"{float(printed):.5f}"},
                corrected=(
                    rf"{BEYOND} \leq \tfrac12 \sin^{{{d - 1}}} \tfrac\pi8 < {ONE_IN_1000}",
                    small[d],
                ),
                role="proof",
            )
        )
    theta = sp.Symbol("theta", real=True)
    plane = sp.integrate(1, (theta, 7 * sp.pi / 8, sp.pi)) / sp.pi
    space = sp.integrate(sp.sin(theta), (theta, 7 * sp.pi / 8, sp.pi)) / 2
    first = next(d for d in range(2, 100) if exact_chance(d) < limit)
    return [
        *found,
        settle(
            "in the plane",
            rf"{BEYOND} = \tfrac18 \quad (d = 2)",
            plane == value(r"\tfrac18", {}) and math.isclose(exact_chance(2), 1 / 8),
            None,
            role="added",
        ),
        settle(
            "in space",
            rf"{BEYOND} = {IN_SPACE} = {float(space):.4f} \quad (d = 3)",
            vanishes(space - value(IN_SPACE, {r"\tfrac\pi8": sp.pi / 8}))
            and math.isclose(exact_chance(3), float(space)),
            None,
            role="added",
        ),
        settle(
            "the first dimension below 1 in 1,000",
            rf"{BEYOND} < {ONE_IN_1000} \text{{ from }} d = {first} \text{{ on}}",
            exact_chance(first) < limit <= exact_chance(first - 1) and _falls_with_dimension(first, float(limit)),
            None,
            how="mpmath",
            role="added",
        ),
    ]


def _falls_with_dimension(first: int, limit: float) -> bool:
    """Below the limit at `first` and at each dimension up to one from which the sine bound is below it too."""
    last = next(d for d in range(first, 1000) if math.sin(math.pi / 8) ** (d - 1) / 2 < limit)
    return all(exact_chance(d) < limit for d in range(first, last + 1))


# --- many pairs ---------------------------------------------------------------------------------------------


def _line(pairs: int) -> dict[tuple[int, ...], Fraction]:
    """The law of the cosines of `pairs` independent pairs on the line, by counting all signs."""
    signs = list(itertools.product((1, -1), repeat=2 * pairs))
    return _law([tuple(s[2 * k] * s[2 * k + 1] for k in range(pairs)) for s in signs])


def _law(values: list[tuple[int, ...]]) -> dict[tuple[int, ...], Fraction]:
    return {v: Fraction(values.count(v), len(values)) for v in set(values)}


def _sharing_one(others: int) -> dict[tuple[int, ...], Fraction]:
    """The same for one vector paired with each of `others` independent ones."""
    return _law([tuple(s[0] * x for x in s[1:]) for s in itertools.product((1, -1), repeat=others + 1)])


def _seen(times: int) -> dict[tuple[int, ...], Fraction]:
    """The same for one pair that is seen several times."""
    return _law([(a * b,) * times for a in (1, -1) for b in (1, -1)])


def _triangle() -> dict[tuple[int, ...], Fraction]:
    """The same for all three pairs of three independent vectors."""
    return _law([(a * b, b * c, c * a) for a, b, c in itertools.product((1, -1), repeat=3)])


ALL, ONE, LEAST = "q^n", "1 - (1 - q)^n", r"-\frac{1}{n - 1}"


def every_pair(seed: int) -> list[Statement]:
    """All of n independent pairs; then pairs that are not independent, and the chance of at least one."""
    import sympy as sp

    q, n = sp.Symbol("q", positive=True), sp.Symbol("n", integer=True, nonnegative=True)
    product, one = value(ALL, {"q": q, "n": n}), value(ONE, {"q": q, "n": n})
    least = value(LEAST, {"n": n})
    quarter = value(r"\tfrac14", {})

    def at(law: Any, pairs: int) -> Fraction:
        return Fraction(str(law.subs({q: sp.Rational(1, 2), n: pairs})))

    few = (1, 2, 3, 4)
    wrong = [
        {"d": 1, "n": k, "chance": str(p)} for k in few if (p := _line(k)[(-1,) * k]) != at(product, k)
    ]
    triangle = _triangle()
    pairwise = all(
        sum(p for v, p in triangle.items() if v[i] == v[j] == -1) == quarter == Fraction(1, 2) ** 2
        for i, j in ((0, 1), (1, 2), (0, 2))
    )
    independent = product_law(product, q, n)
    return [
        settle(
            "2502.09252 section 4.1, C.2",
            rf"\mathbb P [ \text{{all of }} n \text{{ independent pairs beyond }} \phi ] = {ALL}, \quad"
            r" q = \mathbb P [ \text{one pair beyond } \phi ]",
            independent,
            wrong[0] if wrong else None,
        ),
        settle(
            "pairs that share one embedding, (x, y), (x, y'), ...",
            rf"{ALL} \text{{ all the same}}",
            all(_sharing_one(k)[(-1,) * k] == at(product, k) for k in few),
            None,
            how="counted, d = 1",
            role="added",
        ),
        settle(
            "all three pairs of three embeddings, on the line",
            r"\text{any two pairs: } q^2 = \tfrac14; \text{ all three: } 0",
            pairwise and triangle.get((-1, -1, -1), 0) == value("0", {}),
            None,
            how="counted, d = 1",
            role="added",
        ),
        settle(
            "all pairs of n embeddings, in any dimension",
            rf"\text{{mean cosine}} \geq {LEAST}",
            mean_cosine_of_all_pairs(least, n) and _attained(least, n),
            None,
            how="SymPy, Z3",
            role="added",
        ),
        settle(
            "one pair seen n times",
            r"\mathbb P [ \text{all} ] = q \text{ for every } n",
            all(_seen(k)[(-1,) * k] == at(value("q", {"q": q}), k) for k in (1, 5)),
            None,
            how="counted, d = 1",
            role="added",
        ),
        settle(
            "at least one of n independent pairs",
            rf"{ONE} \to 1",
            all(1 - _line(k)[(1,) * k] == at(one, k) for k in few)
            and independent
            and sp.limit(one.subs(q, sp.Rational(1, 8)), n, sp.oo) == 1,
            None,
            how="counted, d = 1",
            role="added",
        ),
    ]


def _attained(least: Any, n: Any) -> bool:
    """By the regular simplex: two opposite points, three of a triangle in the plane."""
    import sympy as sp

    return bool(least.subs(n, 2) == -1 and least.subs(n, 3) == sp.cos(2 * sp.pi / 3))


CHECKS = {
    "random-cosine-bound": bound,
    "random-cosine-moments": moments,
    "angles-near-pi-negligible": near_pi,
    "every-pair-near-pi": every_pair,
}
