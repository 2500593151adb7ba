r"""InfoNCE of embeddings on a great circle, with symbols for the number of pairs and for the temperature.

Whatever is shown for one of the directions below is shown for the whole Hessian of collapsed embeddings: it
commutes with the rotations about their line and with every exchange of pairs on one side and of the two
samples of a pair, so each kind of direction has one eigenvalue, and one representative in a plane finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssllib.theory.proofs.algebra import polynomial


@dataclass(frozen=True)
class Group:
    """`count` embeddings at one `angle`; each has its positive in the group numbered `partner`."""

    count: Any
    angle: Any
    partner: int


def info_nce(groups: list[Group], tau: Any) -> Any:
    """The loss (a mean over all anchors) as a SymPy expression; counts may be symbols."""
    import sympy as sp

    total, anchors = sp.S(0), sum(g.count for g in groups)
    for g in groups:
        others = sum(
            (h.count - (1 if h is g else 0)) * sp.exp(sp.cos(h.angle - g.angle) / tau) for h in groups
        )
        total += g.count * (sp.log(others) - sp.cos(groups[g.partner].angle - g.angle) / tau)
    return total / anchors


def curvature(groups: list[Group], t: Any, tau: Any, x: Any) -> Any:
    r"""Second derivative along the curve at t = 0, for a direction of length one, with x for exp(2 / tau).

    Term by term, log S has the derivatives S'/S and S''/S - (S'/S)^2: the same as those of `info_nce`, sooner.

    Raises:
        ValueError: if the first derivative is not zero.
    """
    import sympy as sp

    y = sp.Symbol("y", positive=True)  # exp(1 / tau)

    def jet(value: Any) -> tuple[Any, Any, Any]:
        """Value, first and second derivative at t = 0."""
        return tuple(value.diff(t, order).subs(t, 0) for order in range(3))  # type: ignore[return-value]

    first, second = sp.S(0), sp.S(0)
    for g in groups:
        similar = [jet(sp.exp(sp.cos(h.angle - g.angle) / tau)) for h in groups]
        counts = [h.count - (1 if h is g else 0) for h in groups]
        s = [sum(c * j[order] for c, j in zip(counts, similar, strict=True)) for order in range(3)]
        near = jet(sp.cos(groups[g.partner].angle - g.angle) / tau)
        first += g.count * (s[1] / s[0] - near[1])
        second += g.count * (s[2] / s[0] - (s[1] / s[0]) ** 2 - near[2])
    if sp.simplify(first) != 0:
        raise ValueError("not stationary along the curve")
    size = sum(g.count for g in groups) * sum(g.count * sp.diff(g.angle, t) ** 2 for g in groups)
    rational = (second / size).subs(sp.exp(-1 / tau), 1 / y).subs(sp.exp(1 / tau), y)
    return sp.factor(sp.cancel(rational).subs(y, sp.sqrt(x)))


def line(m: Any, k: Any, t: Any) -> dict[str, list[Group]]:
    """A representative curve for each kind of direction, from m pairs on one side of a line and k on the other.

    `opened` needs m >= 1, `against` m >= 2, `sides` and `rotation` nothing. k = 0: all embeddings equal.
    """
    import sympy as sp

    far = Group(2 * k, sp.pi, -1)

    def own(*moved: Group) -> list[Group]:
        rest = Group(2 * m - sum(g.count for g in moved), sp.S(0), len(moved))
        groups = [*moved, rest]
        return groups if k == 0 else [*groups, Group(far.count, far.angle, len(groups))]

    return {
        "rotation": [Group(2 * m, t, 0), Group(2 * k, sp.pi + t, 1)],
        "sides": [Group(2 * m, k * t, 0), Group(2 * k, sp.pi - m * t, 1)],
        "opened": own(Group(1, t, 1), Group(1, -t, 0)),
        "against": own(Group(2, t, 0), Group(2, -t, 1)),
    }


def split(p: Any, q: Any, t: Any) -> list[Group]:
    """A pair with a sample on either side closes its angle; p and q samples in all on the two sides.

    Where the other samples have their positives adds a constant to the loss; here each has its own among
    those that do not move.
    """
    import sympy as sp

    return [Group(1, t, 1), Group(1, sp.pi - t, 0), Group(p - 1, sp.S(0), 2), Group(q - 1, sp.pi, 3)]


def always_positive(value: Any, least: Mapping[Any, Any], where: Any = (), strictly: bool = True) -> bool:
    """Is a rational function positive for all real values of its symbols that are > or >= a bound?

    Proved where, counted from the bounds, no coefficient of the numerator or the denominator is negative and
    the constant one is positive (as it may be for a symbol that is > its bound, only counting those); else by
    Z3. False means that no proof was found.

    Args:
        value: a SymPy expression.
        least: each symbol's bound, as (">", 1) or (">=", 2).
        where: further SymPy expressions that are not negative.
        strictly: else never negative will do.
    """
    import sympy as sp
    import z3

    shifted = {s: s + bound for s, (_, bound) in least.items()}
    above, below = (e.subs(shifted, simultaneous=True) for e in sp.fraction(sp.together(value)))
    free = [s for s, (sign, _) in least.items() if sign == ">"]

    def plainly(expression: Any) -> bool:
        terms = sp.Poly(expression, *least).terms()
        always = any(
            all(p == 0 or s in free for s, p in zip(least, powers, strict=True)) for powers, _ in terms
        )
        return always and all(c > 0 for _, c in terms)

    if any(plainly(sign * above) and plainly(sign * below) for sign in (1, -1)):
        return True
    names = {s: z3.Real(s.name) for s in least}
    solver = z3.Solver()
    solver.set("rlimit", 20_000_000)  # not seconds: the same answer on every machine
    solver.add(*(names[s] > 0 if s in free else names[s] >= 0 for s in least))
    solver.add(*(polynomial(sp.sympify(w).subs(shifted, simultaneous=True), names) >= 0 for w in where))
    signed = polynomial(sp.expand(above * below), names)  # of the sign of above / below
    solver.add(z3.Or(signed <= 0 if strictly else signed < 0, polynomial(below, names) == 0))
    return bool(solver.check() == z3.unsat)
