"""The angle between independent random vectors: its law, its moments, the printed bound, and many pairs at once.

Source: 2406.16468 Prop. 5 and C.1; 2502.09252 section 4.1, Prop. C.1 and C.2.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

from ssllib import random_angles
from ssllib.proofs.random_law import (
    bound_by_second_moment,
    exact_chance,
    half_below_on_the_line,
    mean_cosine_of_all_pairs,
    moment,
    moment_by_integration,
    product_law,
    scientific,
    sine_below_printed,
    sine_bound_proved,
    the_law_factors,
    violation,
)
from ssllib.proofs.statements import Statement, settle

PROPOSITION = "2406.16468 Prop. 5, 2502.09252 Prop. C.1"
USED = (128, 256, 2048)
"""Dimensions of the projectors and predictors in the papers and their code."""
LIMIT = Fraction(1, 1000)
"""The declared meaning of "exceedingly unlikely"."""
C = r"\hat x_i^\top \hat x_j"
BOUND = r"\frac{1}{2 d (1 - \varepsilon)^2}"
TAIL = rf"\mathbb P [ {C} \geq 1 - \varepsilon ]"
BEYOND = r"\mathbb P [ \phi > \tfrac{7\pi}{8} ]"
SINE = r"\tfrac12 \sin^{d-1}(\phi)"


# --- the law ------------------------------------------------------------------------------------------------


def moments(seed: int) -> list[Statement]:
    """Mean and variance, from the exact law for every d."""
    import sympy as sp

    d = sp.Symbol("d", positive=True)
    found = []
    for name, tex, order, stated in (
        ("mean", rf"\mathbb E [ {C} ] = 0", 1, sp.Integer(0)),
        ("variance", rf"\operatorname{{Var}} [ {C} ] = \tfrac1d", 2, 1 / d),
    ):
        wrong = [
            {"d": k, name: str(exact)}
            for k in (1, 2, 3, 4, 5)
            if (exact := moment_by_integration(order, k)) != stated.subs(d, k)
        ]
        proved = the_law_factors() and bool(sp.simplify(moment(order) - stated) == 0) and not wrong
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
            [_line(1)[k] for k in ((1,), (-1,))] == [Fraction(1, 2)] * 2,
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
    dimensions = (2, 3, 4, 5, 8, 20, 128, 2048)
    wrong = violation(random_angles.printed_bound, dimensions)
    on_line = violation(random_angles.printed_bound, (1,))
    limit = sp.limit(1 / (2 * d * (1 - eps) ** 2), eps, 0)
    return [
        settle(
            PROPOSITION,
            rf"{TAIL} \leq {BOUND} \quad (d \geq 2, \ 0 < \varepsilon < 1)",
            bound_by_second_moment() and wrong is None,
            wrong,
            how="SymPy, Z3",
        ),
        settle(
            f"{PROPOSITION}, on the line",
            rf"{TAIL} = \tfrac12 \leq {BOUND} \quad (d = 1, \ 0 < \varepsilon < 1)",
            _line(1)[(1,)] == Fraction(1, 2) and half_below_on_the_line() and on_line is None,
            on_line,
            how="Z3",
        ),
        settle(
            "as epsilon goes to 0",
            rf"{BOUND} \to \frac{{1}}{{2d}}, \text{{ while the chance goes to 0 (from }} d = 2 \text{{ on)}}",
            limit == 1 / (2 * d) and sine_bound_proved(),
            None,
            role="added",
        ),
        settle(
            "a bound that is exponential in d",
            rf"\mathbb P [ \text{{angle}} > \phi ] \leq {SINE} \quad (d \geq 1, \ \tfrac\pi2 < \phi < \pi)",
            sine_bound_proved() and violation(random_angles.sine_bound, (1, *dimensions)) is None,
            None,
            role="added",
        ),
        settle(
            "it is below the printed one",
            rf"{SINE} < \frac{{1}}{{2 d \cos^2 \phi}} \quad (d \geq 1, \ \tfrac\pi2 < \phi < \pi)",
            sine_below_printed(),
            None,
            role="added",
        ),
    ]


# --- angles near pi -----------------------------------------------------------------------------------------


def near_pi(seed: int) -> list[Statement]:
    """The exact chance beyond 7 pi / 8 in the dimensions used; what the printed bound says of it; d = 2 and 3."""
    import sympy as sp

    found = []
    sine2 = sp.sin(sp.pi / 8) ** 2
    small = {}
    for d in USED:
        exact = exact_chance(d)
        closed = sp.sqrt(sine2) ** (d - 1) / 2
        small[d] = sine_bound_proved() and bool(closed < sp.Rational(LIMIT.numerator, LIMIT.denominator))
        wrong = (
            {"d": d, "chance": scientific(exact)} if exact >= LIMIT.numerator / LIMIT.denominator else None
        )
        tex = rf"{BEYOND} = {scientific(exact)} < 10^{{-3}} \quad (d = {d})"
        found.append(settle("2406.16468 C.1, 2502.09252 C.2", tex, small[d], wrong, how="SymPy, mpmath"))
    for d in USED:
        value = 1 / (2 * d * (1 - sine2))
        low = bool(value < sp.Rational(LIMIT.numerator, LIMIT.denominator))
        found.append(
            settle(
                "by the printed bound",
                rf"{BEYOND} \leq \frac{{1}}{{2 d \cos^2 (\pi / 8)}} < 10^{{-3}} \quad (d = {d})",
                low,
                None if low else {"printed bound": f"{float(value):.5f}"},
                corrected=(
                    rf"{BEYOND} \leq \tfrac12 \sin^{{{d - 1}}} \tfrac\pi8 < 10^{{-3}}",
                    small[d],
                ),
                role="proof",
            )
        )
    theta = sp.Symbol("theta", real=True)
    plane = sp.integrate(1, (theta, 7 * sp.pi / 8, sp.pi)) / sp.pi
    space = sp.integrate(sp.sin(theta), (theta, 7 * sp.pi / 8, sp.pi)) / 2
    first = next(d for d in range(2, 100) if exact_chance(d) < LIMIT.numerator / LIMIT.denominator)
    return [
        *found,
        settle(
            "in the plane",
            rf"{BEYOND} = \tfrac18 \quad (d = 2)",
            plane == sp.Rational(1, 8) and math.isclose(exact_chance(2), 1 / 8),
            None,
            role="added",
        ),
        settle(
            "in space",
            rf"{BEYOND} = \tfrac12 (1 - \cos \tfrac\pi8) = {float(space):.4f} \quad (d = 3)",
            bool(sp.simplify(space - (1 - sp.cos(sp.pi / 8)) / 2) == 0)
            and math.isclose(exact_chance(3), float(space)),
            None,
            role="added",
        ),
        settle(
            "the first dimension below 1 in 1,000",
            rf"{BEYOND} < 10^{{-3}} \text{{ from }} d = {first} \text{{ on}}",
            exact_chance(first) < 1e-3 <= exact_chance(first - 1) and _falls_with_dimension(first),
            None,
            how="mpmath",
            role="added",
        ),
    ]


def _falls_with_dimension(first: int) -> bool:
    """Below the limit at `first` and at each dimension up to one from which the sine bound is below it too."""
    last = next(d for d in range(first, 1000) if math.sin(math.pi / 8) ** (d - 1) / 2 < LIMIT)
    return all(exact_chance(d) < LIMIT.numerator / LIMIT.denominator for d in range(first, last + 1))


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


def _triangle() -> dict[tuple[int, ...], Fraction]:
    """The same for all three pairs of three independent vectors."""
    return _law([(a * b, b * c, c * a) for a, b, c in itertools.product((1, -1), repeat=3)])


def every_pair(seed: int) -> list[Statement]:
    """All of n independent pairs; then pairs that are not independent, and the chance of at least one."""
    opposite = [_line(n)[(-1,) * n] for n in (1, 2, 3, 4)]
    wrong = [
        {"d": 1, "n": n, "chance": str(p)} for n, p in enumerate(opposite, 1) if p != Fraction(1, 2) ** n
    ]
    triangle = _triangle()
    pairwise = all(
        sum(p for v, p in triangle.items() if v[i] == v[j] == -1) == Fraction(1, 4)
        for i, j in ((0, 1), (1, 2), (0, 2))
    )
    return [
        settle(
            "2502.09252 section 4.1, C.2",
            r"\mathbb P [ \text{all of } n \text{ independent pairs beyond } \phi ] = q^n, \quad"
            r" q = \mathbb P [ \text{one pair beyond } \phi ]",
            product_law() and not wrong,
            wrong[0] if wrong else None,
        ),
        settle(
            "pairs that share one embedding, (x, y), (x, y'), ...",
            r"q^n \text{ all the same}",
            all(_sharing_one(n)[(-1,) * n] == Fraction(1, 2) ** n for n in (1, 2, 3, 4)),
            None,
            how="counted, d = 1",
            role="added",
        ),
        settle(
            "all three pairs of three embeddings, on the line",
            r"\text{any two pairs: } q^2 = \tfrac14; \text{ all three: } 0",
            pairwise and triangle.get((-1, -1, -1), 0) == 0,
            None,
            how="counted, d = 1",
            role="added",
        ),
        settle(
            "all pairs of n embeddings, in any dimension",
            r"\text{mean cosine} \geq -\frac{1}{n - 1}",
            mean_cosine_of_all_pairs(),
            None,
            how="SymPy, Z3",
            role="added",
        ),
        settle(
            "one pair seen n times",
            r"\mathbb P [ \text{all} ] = q \text{ for every } n",
            all(
                _law([(a * b,) * n for a in (1, -1) for b in (1, -1)])[(-1,) * n] == Fraction(1, 2)
                for n in (1, 5)
            ),
            None,
            how="counted, d = 1",
            role="added",
        ),
        settle(
            "at least one of n independent pairs",
            r"1 - (1 - q)^n \to 1",
            all(1 - _line(n)[(1,) * n] == 1 - Fraction(1, 2) ** n for n in (1, 2, 3, 4)) and product_law(),
            None,
            how="counted, d = 1",
            role="added",
        ),
    ]


CHECKS = {
    "random-cosine-bound": bound,
    "random-cosine-moments": moments,
    "angles-near-pi-negligible": near_pi,
    "every-pair-near-pi": every_pair,
}
