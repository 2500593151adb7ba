"""Relations between SymPy expressions, decided by SymPy (equality) or Z3 (order).

Neither is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EFFORT = 20_000_000
"""After how much work Z3 gives up (not seconds: the same answer on every machine)."""


SIGNS = ("=", "<", "<=")


def polynomial(value: Any, names: Mapping[Any, Any]) -> Any:
    """A SymPy polynomial as one of Z3, in which `names[s]` stands for the symbol s."""
    import sympy as sp
    import z3

    total: Any = z3.RealVal(0)
    for powers, coefficient in sp.Poly(value, *names).terms() if names else [((), value)]:
        term: Any = z3.RealVal(str(coefficient))
        for variable, power in zip(names.values(), powers, strict=True):
            for _ in range(power):
                term = term * variable
        total = total + term
    return total


def never_negative(gap: Any, strictly: bool, given: Iterable[Any] = ()) -> bool:
    """Z3: is the rational function `gap` of real symbols >= 0 (> 0) wherever `given` holds?

    Args:
        gap: a SymPy expression. What SymPy assumes of its symbols is not passed on: say it in `given`.
        given: SymPy relations (=, <, <=, >, >=) between polynomials.

    Returns:
        False where there is no proof: where it fails, where its denominator may vanish, and in doubt.
    """
    import sympy as sp
    import z3

    given = list(given)
    symbols = sorted(sp.sympify(gap).free_symbols.union(*(g.free_symbols for g in given)), key=str)
    names = {s: z3.Real(s.name) for s in symbols}
    order = {"==": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
    solver = z3.Solver()
    solver.set("rlimit", EFFORT)
    above, below = sp.fraction(sp.together(gap))
    try:
        for g in given:
            solver.add(getattr(polynomial(g.lhs - g.rhs, names), order[g.rel_op])(0))
        signed, under = polynomial(above * below, names), polynomial(below, names)  # of the sign of above / below
    except (sp.PolynomialError, z3.Z3Exception):  # not polynomials, or not with rational coefficients
        return False
    solver.add(z3.Or(signed <= 0 if strictly else signed < 0, under == 0))
    return bool(solver.check() == z3.unsat)


def vanishes(value: Any) -> bool:
    """Whether an expression is zero for all values of its symbols that their assumptions allow, by SymPy.

    Numbers go first: where the expression is not zero at some point the answer is no. SymPy's `simplify` may
    look for hours for a simpler form of what is not zero, and not always of the same expression.
    """
    import sympy as sp

    value = sp.sympify(value)
    if any(_differs_from_zero(value, k) for k in range(3)):
        return False
    return bool(sp.simplify(value) == 0)


def _differs_from_zero(value: Any, k: int) -> bool:
    """Whether the value at the `k`-th point is a number other than zero (no: also where it is no number there)."""
    import sympy as sp

    here = {}
    for j, symbol in enumerate(sorted(value.free_symbols, key=str)):
        size = sp.Integer(k + j + 2) if symbol.is_integer else sp.Rational(7 * j + 5 * k + 3, 7 * j + 5 * k + 8 + j)
        here[symbol] = -size if symbol.is_negative else size
    try:
        number = sp.N(value.xreplace(here), 30)
    except (ArithmeticError, ValueError, TypeError):
        return False
    return bool(number.is_number and number.is_finite and abs(number) > sp.Float("1e-12"))


@dataclass(frozen=True)
class Algebra:
    """`left` (=, <= or <) `right` for all real values of their symbols that `given` allows.

    Left and right are SymPy expressions, rational where the sign is not "=" (an equality holds for all
    values that the symbols' own assumptions allow). `points` are tried in turn for a counterexample; each is
    one value for each symbol.
    """

    left: Any
    right: Any
    sign: str = "="
    given: tuple[Any, ...] = ()
    points: Sequence[Mapping[Any, Any]] = ()
    names: tuple[str, str] = ("left side", "right side")

    def __post_init__(self) -> None:
        import sympy as sp

        if self.sign not in SIGNS:
            raise ValueError(f"the sign is {self.sign!r}; allowed: {', '.join(SIGNS)}")
        for side in ("left", "right"):
            object.__setattr__(self, side, sp.sympify(getattr(self, side)))

    def proved(self) -> bool:

        if self.sign == "=":
            return vanishes(self.right - self.left)
        return never_negative(self.right - self.left, self.sign == "<", self.given)

    def counterexample(self, show: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """The first of the points that `given` allows and where it fails, with both sides (and `show`)."""
        import sympy as sp

        for point in self.points:
            here = [(symbol, sp.sympify(value)) for symbol, value in point.items()]
            a, b = (sp.simplify(sp.sympify(side).subs(here)) for side in (self.left, self.right))
            gap = sp.simplify(b - a)
            holds = gap == 0 if self.sign == "=" else gap > 0 if self.sign == "<" else gap >= 0
            if not holds and all(bool(g.subs(here)) for g in self.given):
                found = dict(point) | dict(zip(self.names, (a, b), strict=True))
                found |= {name: sp.simplify(f.subs(here)) for name, f in (show or {}).items()}
                return {str(k): plain(v) for k, v in found.items() if str(k)}
        return None


@dataclass(frozen=True)
class AllEqual(Algebra):
    """`left` = each of the expressions `more` = `right`."""

    more: tuple[Any, ...] = ()

    def proved(self) -> bool:
        import sympy as sp

        others = (*self.more, self.right)
        return self.sign == "=" and all(vanishes(sp.sympify(x) - self.left) for x in others)


def plain(value: Any) -> int | str:
    """A number as JSON can hold it: an integer as it is, the rest exactly, as text."""
    import sympy as sp

    number = sp.sympify(value)
    return int(number) if number.is_Integer else str(number)
