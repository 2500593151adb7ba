"""Pieces of the proofs about random angles: the law for a symbolic dimension, its moments, bounds, many pairs.

Each function returns whether its step could be carried out, or an exact number (see `random_angles`).
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np

from ssllib.theory import random_angles
from ssllib.theory.proofs.algebra import never_negative, vanishes

LESS = 3
"""The density of the cosine is (1 - c^2) to the power (d - 3) / 2."""


def the_law_factors() -> bool:
    r"""Whether x = R (c, sqrt(1 - c^2) w), w a direction of R^(d-1), splits R^d's normal density into R and c.

    In cylinder coordinates about the other vector, x = (a, b w) with b > 0, the density is proportional to
    b^(d-2) exp(-(a^2 + b^2) / 2); with a = R c and b = R sqrt(1 - c^2) it must become one function of R times
    (1 - c^2)^((d-3)/2), for a symbolic d.
    """
    import sympy as sp

    size, d = sp.symbols("R d", positive=True)
    c = sp.Symbol("c", real=True)
    s = sp.Symbol("s", positive=True)  # sqrt(1 - c^2)
    a, b = size * c, size * sp.sqrt(1 - c**2)
    jacobian = sp.Matrix([a, b]).jacobian([size, c]).det()
    stretched = vanishes(jacobian**2 - size**2 / (1 - c**2))  # |jacobian| = R / s
    joint = (size * s) ** (d - 2) * sp.exp(-(size**2) / 2) * size / s
    product = size ** (d - 1) * sp.exp(-(size**2) / 2) * s ** (d - LESS)
    return bool(stretched and vanishes(joint / product - 1))


def moment(order: int) -> Any:
    """E[c^order] for a symbolic d >= 2, by the moments of (1 + c) / 2, which is Beta((d-1)/2, (d-1)/2)."""
    import sympy as sp

    d = sp.Symbol("d", positive=True)
    m = (d - 1) / 2
    raw = [sp.rf(m, k) / sp.rf(2 * m, k) for k in range(order + 1)]  # E[((1 + c) / 2)^k]
    c_power = sum(sp.binomial(order, k) * 2**k * (-1) ** (order - k) * raw[k] for k in range(order + 1))
    return sp.simplify(sp.gammasimp(sp.expand_func(c_power)))


def moment_by_integration(order: int, dimension: int) -> Any:
    """E[c^order] by integrating over the density, exactly; for d = 1 the mean over the two values."""
    import sympy as sp

    if dimension == 1:
        return sp.Rational(1 + (-1) ** order, 2)
    angle = sp.Symbol("theta", real=True)  # c = cos(theta): the density of theta is that of sin^(d-2)
    weight = sp.sin(angle) ** (dimension - 2)
    above, below = (
        sp.integrate(f * weight, (angle, 0, sp.pi)) for f in (sp.cos(angle) ** order, sp.Integer(1))
    )
    return sp.simplify(above / below)


def pointwise() -> bool:
    """Z3: wherever |c| >= s > 0, one is at most c^2 / s^2 (the step behind Chebyshev's inequality)."""
    import z3

    c, s = z3.Reals("c s")
    solver = z3.Solver()
    solver.add(s > 0, z3.Or(c >= s, c <= -s), c * c / (s * s) < 1)
    return bool(solver.check() == z3.unsat)


def violation(bound: Any, dimensions: tuple[int, ...]) -> dict[str, Any] | None:
    """The first d and epsilon of a grid at which the exact chance exceeds `bound` (a function of angle and d)."""
    for d in dimensions:
        for eps in (*np.linspace(0.01, 0.99, 99), 1e-6, 1e-3, 1 - 1e-3):
            angle = math.pi - math.acos(1 - eps)
            exact, stated = float(random_angles.chance(angle, d)), float(bound(angle, d))
            if exact > stated * (1 + 1e-9):
                return {"d": d, "epsilon": round(float(eps), 6), "chance": exact, "bound": stated}
    return None


def bound_by_second_moment(bound: Any, d: Any, eps: Any) -> bool:
    """P[c >= s] = P[|c| >= s] / 2 <= E[c^2] / (2 s^2) = 1 / (2 d s^2), and that is at most `bound` for s = 1 - eps."""
    import sympy as sp

    c = sp.Symbol("c", real=True)
    density = (1 - c**2) ** ((d - 3) / 2)
    even = vanishes(density - density.subs(c, -c))
    shown = moment(2).subs(moment_symbol(), d) / (2 * (1 - eps) ** 2)
    allowed = (sp.Ge(d, 2), sp.Gt(eps, 0, evaluate=False), sp.Lt(eps, 1))
    return bool(pointwise() and the_law_factors() and even) and never_negative(bound - shown, False, allowed)


def moment_symbol() -> Any:
    import sympy as sp

    return sp.Symbol("d", positive=True)


def sine_bound_proved(bound: Any, d: Any, phi: Any) -> bool:
    r"""P[phi > pi - theta] = I_x(a, 1/2) / 2 <= x^a / 2 at x = sin^2(theta), a = (d - 1) / 2: that is `bound`.

    With v = x u in its integral, I_x(a, 1/2) / x^a is proportional to the integral over (0, 1) of
    u^(a-1) (1 - x u)^(-1/2), which rises with x and is 1 at x = 1.
    """
    import sympy as sp

    x, u, a = sp.symbols("x u a", positive=True)
    v = x * u
    substituted = v ** (a - 1) * (1 - v) ** sp.Rational(-1, 2) * x
    kernel = u ** (a - 1) * (1 - x * u) ** sp.Rational(-1, 2)
    rising = vanishes(kernel.diff(x) / kernel - u / (2 * (1 - x * u)))  # > 0 for u in (0, 1)
    sine = sp.Symbol("s", positive=True)
    stated = vanishes(bound.subs(sp.sin(phi), sine) - (sine**2) ** ((d - 1) / 2) / 2)
    return bool(stated and vanishes(substituted / (x**a * kernel) - 1) and rising)


def sine_below(bound: Any, other: Any, d: Any, phi: Any) -> bool:
    r"""`bound` = sin^(d-1) / 2 is below `other` = 1 / (2 d cos^2), for every d >= 1 and angle from a right one to pi.

    With y = cos^2, their ratio is d y (1 - y)^((d-1)/2). For d > 1 it is largest at y = 2 / (d + 1); there, with
    w = 1 / d and log((1 - w) / (1 + w)) <= -2 w, its logarithm is at most log(2 / (1 + w)) - 1 + w, which
    is 0 at w = 1 and rises towards it. For d = 1 the ratio is y.
    """
    import sympy as sp

    y, w = sp.symbols("y w", positive=True)
    inside = {sp.sin(phi): sp.sqrt(1 - y), sp.cos(phi): -sp.sqrt(y)}
    ratio = d * y * (1 - y) ** ((d - 1) / 2)
    stated = vanishes((bound / other).subs(inside) / ratio - 1)
    slope = sp.diff(sp.log(d * y) + (d - 1) / 2 * sp.log(1 - y), y)
    top = {y: 2 / (d + 1)}
    one_top = vanishes(slope - (1 - y / top[y]) / (y * (1 - y)))  # rises before it, falls after it
    there = [(d * y, 2 / (1 + w)), (1 - y, (1 - w) / (1 + w))]
    rewritten = all(vanishes(a.subs(top).subs(d, 1 / w) - b) for a, b in there)
    at_most = sp.log(2 / (1 + w)) - 1 + w
    rises = vanishes(at_most.diff(w) - w / (1 + w)) and vanishes(at_most.subs(w, 1))
    less = sp.log((1 - w) / (1 + w)) + 2 * w
    falls = vanishes(less.diff(w) + 2 * w**2 / (1 - w**2)) and less.subs(w, 0) == 0
    return bool(stated and one_top and rewritten and rises and falls)


def half_below(bound: Any, eps: Any) -> bool:
    """Z3: one half is at most the bound, for every epsilon in (0, 1)."""
    import sympy as sp

    return never_negative(bound - sp.Rational(1, 2), False, (sp.Gt(eps, 0, evaluate=False), sp.Lt(eps, 1)))


@cache
def exact_chance(dimension: int, digits: int = 50) -> Any:
    """P[phi > 7 pi / 8] to `digits` digits (an mpmath number), by the incomplete Beta function."""
    import mpmath

    with mpmath.workdps(digits):
        half = mpmath.mpf(1) / 2
        x = mpmath.sin(mpmath.pi / 8) ** 2
        return mpmath.betainc((dimension - 1) * half, half, 0, x, regularized=True) / 2


def scientific(x: Any) -> str:
    """A small number in LaTeX, to two digits."""
    import mpmath

    mantissa, _, power = mpmath.nstr(x, 2, min_fixed=0, max_fixed=0).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}"


def product_law(stated: Any, q: Any, n: Any) -> bool:
    """P(n + 1) = q P(n) with P(0) = 1 has the one solution q^n, which goes to 0 for q < 1: that is `stated`."""
    import sympy as sp

    chance = sp.Function("P")
    solved = sp.rsolve(chance(n + 1) - q * chance(n), chance(n), {chance(0): 1})
    fades = sp.limit(sp.Rational(1, 8) ** n, n, sp.oo) == 0
    return bool(vanishes(solved - stated) and fades)


def mean_cosine_of_all_pairs(least: Any, n: Any) -> bool:
    """|u_1 + ... + u_n|^2 = n + 2 (sum of all pairs' cosines), so their mean is at least -1 / (n - 1), `least`."""
    import sympy as sp

    for m in (2, 3, 4):
        u = [sp.Matrix(sp.symbols(f"u{k}_1:4", real=True)) for k in range(m)]
        total = sum(u, sp.zeros(3, 1))
        pairs = sum((a.T * b)[0] for a, b in itertools.combinations(u, 2))
        if sp.expand((total.T * total)[0] - sum((a.T * a)[0] for a in u) - 2 * pairs) != 0:
            return False
    mean = sp.Symbol("mean", real=True)
    return never_negative(mean - least, False, (sp.Ge(n, 2), sp.Ge(n + n * (n - 1) * mean, 0)))
