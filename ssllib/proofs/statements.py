"""Printed statements, decided by machine: SymPy decides identities, Z3 inequalities, autograd agrees or not.

Neither SymPy nor Z3 is imported before it is needed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from ssllib.proofs.spaces import Coordinates, Formula, Gram, largest_error

Point = tuple[tuple[int, ...], tuple[int, ...], str]
"""z, t and gamma (a fraction)."""

TOLERANCE = 1e-12
r"""Largest error of a float64 gradient, in units of $1 / \|z\|$, that counts as agreement."""


class Undecided(RuntimeError):
    """Neither a proof nor a counterexample was found: want of a proof does not make a statement false."""


@dataclass(frozen=True)
class Statement:
    """One printed statement and what became of it.

    `role` is "claim" for what a paper asserts, "proof" for a line of its proof, "added" for what this book
    adds. `corrected` is the nearby statement in LaTeX, set only where that one is proved.
    """

    source: str
    printed: str
    holds: bool
    how: str
    counterexample: dict[str, Any] | None = None
    corrected: str | None = None
    role: str = "claim"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Relation:
    """`left` (=, <= or <) `right` for all non-zero z and t and all gamma > 0.

    `between` restricts an inequality to cosines strictly between two of -1, 0 and 1: (-1, 1) leaves out the
    axis of t, (-1, 0) is the half of space beyond a right angle.
    """

    left: Formula
    right: Formula
    sign: str = "="
    between: tuple[int, int] | None = None
    names: tuple[str, str] = ("left side", "right side")  # in a counterexample; "" leaves a side out

    def proved(self) -> bool:
        """True if SymPy or Z3 proves it for every dimension. False means no proof, not disproof."""
        gram = Gram()
        gap = gram.reduce(self.right(gram) - self.left(gram))
        if self.sign != "=":
            return _never_negative(gram, gap, self.sign == "<", self.between)
        return bool(gap == 0) and all(
            not any(space.reduce(self.right(space) - self.left(space)))
            for space in map(Coordinates, (1, 2, 3))
        )

    def counterexample(self, show: dict[str, Formula] | None = None) -> dict[str, Any] | None:
        """The first of some small points of the plane, then of the line, where it fails; else None."""
        for d, points in ((2, _PLANE), (1, _LINE)):
            space = Coordinates(d)
            left, right = self.left(space), self.right(space)
            gap = [b - a for a, b in zip(space.entries(left), space.entries(right), strict=True)]
            rough = space.sp.lambdify([*space.z, *space.t, space.gamma], gap)  # only says where to look
            for z, t, gamma in points:
                values = rough(*z, *t, float(Fraction(gamma)))
                if not _inside(self.between, z, t) or not _fails(values, self.sign, doubt=1e-9):
                    continue
                a, b = space.put(left, z, t, gamma), space.put(right, z, t, gamma)
                if _fails([space.sp.simplify(y - x) for x, y in zip(a, b, strict=True)], self.sign):
                    used = {x for v in (left, right) for e in space.entries(v) for x in e.free_symbols}
                    shown = {"gamma": [space.sp.Rational(gamma)]} if space.gamma in used else {}
                    shown |= {name: side for name, side in zip(self.names, (a, b), strict=True) if name}
                    shown |= {name: space.put(f(space), z, t, gamma) for name, f in (show or {}).items()}
                    return {"z": list(z), "t": list(t)} | {k: _plain(v) for k, v in shown.items()}
        return None


_PLANE: list[Point] = [
    (z, t, gamma)
    for gamma, z, t in itertools.product(
        ("1", "2", "1/2", "8"),
        ((1, 0), (2, 0), (1, 1)),
        ((0, 1), (0, 2), (1, 1), (-1, 1), (1, 0), (-1, 0)),
    )
]
_LINE: list[Point] = [((z,), (t,), "1") for z, t in itertools.product((1, 2), (1, -1, 2))]


def _inside(between: tuple[int, int] | None, z: tuple[int, ...], t: tuple[int, ...]) -> bool:
    """Whether the cosine of two integer vectors lies strictly between the two numbers."""
    if between is None:
        return True
    product = sum(a * b for a, b in zip(z, t, strict=True))
    square = Fraction(product * product, sum(a * a for a in z) * sum(b * b for b in t))
    return between[0] < (square if product > 0 else -square) < between[1]


def _fails(gap: list[Any], sign: str, doubt: float = 0.0) -> bool:
    """Whether right - left = `gap` contradicts the relation (or, within `doubt`, may)."""
    if sign == "=":
        return any(bool(abs(x) > doubt) for x in gap)
    return bool(gap[0] < -doubt) if sign == "<=" else bool(gap[0] <= doubt)


def _plain(values: list[Any]) -> Any:
    """Numbers as JSON can hold them: integers as they are, the rest exactly, as text."""
    plain = [int(x) if x.is_Integer else str(x) for x in values]
    return plain if len(plain) > 1 else plain[0]


def _never_negative(gram: Gram, gap: Any, strictly: bool, between: tuple[int, int] | None) -> bool:
    """Z3: is the rational function `gap` of rho, tau, c, gamma >= 0 (> 0) wherever these may lie?"""
    import z3

    names = {s: z3.Real(s.name) for s in (gram.rho, gram.tau, gram.c, gram.gamma)}

    def polynomial(value: Any) -> Any:
        total: Any = z3.RealVal(0)
        for powers, coefficient in gram.sp.Poly(value, *names).terms():
            term: Any = z3.RealVal(str(coefficient))
            for variable, power in zip(names.values(), powers, strict=True):
                for _ in range(power):
                    term = term * variable
            total = total + term
        return total

    above, below = gram.sp.fraction(gram.sp.together(gap))
    signed = polynomial(above * below)  # of the sign of above / below
    c = names[gram.c]
    solver = z3.Solver()
    solver.add(names[gram.rho] > 0, names[gram.tau] > 0, names[gram.gamma] > 0)
    solver.add(*((c > between[0], c < between[1]) if between else (c >= -1, c <= 1)))
    solver.add(z3.Or(signed <= 0 if strictly else signed < 0, polynomial(below) == 0))
    return bool(solver.check() == z3.unsat)


def examine(
    source: str,
    printed: str,
    relation: Relation,
    *,
    role: str = "claim",
    corrected: tuple[str, Relation] | None = None,
    show: dict[str, Formula] | None = None,
) -> Statement:
    """Decide one printed statement.

    Args:
        source: where it stands.
        printed: how it reads, in LaTeX.
        relation: what it says.
        corrected: the nearby statement, in LaTeX and as a relation, tried where the printed one is false.
        show: further formulas worth reading off at a counterexample.

    Raises:
        Undecided: if neither a proof nor a counterexample is found, or both are.
    """
    holds, example = relation.proved(), relation.counterexample(show)
    if holds == (example is not None):
        what = f"both a proof and {example}" if holds else "no proof and no example"
        raise Undecided(f"{source}: {printed}: {what}")
    fixed = corrected[0] if corrected and not holds and corrected[1].proved() else None
    return Statement(source, printed, holds, "SymPy" if relation.sign == "=" else "Z3", example, fixed, role)


@dataclass(frozen=True)
class Limit:
    """The scalar `formula` tends to `value` as the norm of z or the cosine goes to `point`, all else fixed."""

    formula: Formula
    variable: str  # "norm" or "cosine"
    point: str
    value: str

    def found(self) -> tuple[bool, str]:
        """Whether it does, and what SymPy finds."""
        gram = Gram()
        x, side = (gram.rho, "-") if self.variable == "norm" else (gram.c, "+" if self.point == "-1" else "-")
        limit = gram.sp.limit(gram.reduce(self.formula(gram)), x, gram.sp.sympify(self.point), side)
        return bool(gram.sp.simplify(limit - gram.sp.sympify(self.value)) == 0), str(limit)


def approach(source: str, printed: str, limit: Limit, *, role: str = "claim") -> Statement:
    """Decide a statement about a limit; where it is false, the limit itself is the counterexample."""
    holds, found = limit.found()
    return Statement(source, printed, holds, "SymPy", None if holds else {"limit": found}, role=role)


def agree(source: str, printed: str, left: Formula, right: Formula, seed: int) -> Statement:
    """A numerical statement: `left` and `right` agree in float64, in five dimensions."""
    errors = {str(d): largest_error(left, right, d, seed=seed) for d in (1, 2, 3, 20, 2048)}
    wrong = {d: f"error {e:.0e} / norm" for d, e in errors.items() if not e < TOLERANCE}
    return Statement(source, printed, not wrong, "autograd", wrong or None, role="added")


_ROLE = {"claim": "", "proof": " (proof)", "added": " (added here)"}


def table(found: Iterable[Mapping[str, Any]]) -> tuple[list[list[str]], list[str]]:
    """Rows and columns, in MyST, for statements as a record holds them."""
    found = list(found)
    rows = [
        [
            s["source"] + _ROLE[s["role"]],
            f"${s['printed']}$" + (f"<br>corrected: ${s['corrected']}$" if s["corrected"] else ""),
            f"{'yes' if s['holds'] else '**no**'} ({s['how']})",
            _example(s),
        ]
        for s in found
    ]
    columns = ["where", "statement, as printed", "holds", "counterexample"]
    if any(s["holds"] and s["counterexample"] for s in found):
        columns[3] = "counterexample, or example"
    shown = 4 if any(row[3] for row in rows) else 3
    return [row[:shown] for row in rows], columns[:shown]


def sentence(s: Mapping[str, Any]) -> str:
    """A statement as a record holds it, and what became of it, in a line of MyST."""
    verb = "holds" if s["holds"] else "**does not hold**"
    text = f"{s['source']}{_ROLE[s['role']]}: ${s['printed']}$ {verb} ({s['how']})."
    if s["counterexample"]:
        text += f" {'Example' if s['holds'] else 'Counterexample'}: {_example(s)}."
    return text + (f" Corrected: ${s['corrected']}$." if s["corrected"] else "")


def _example(s: Mapping[str, Any]) -> str:
    greek = {"gamma": "γ"}
    return "; ".join(f"{greek.get(k, k)} = {_readable(v)}" for k, v in (s["counterexample"] or {}).items())


def _readable(value: Any) -> str:
    text = f"({', '.join(map(str, value))})" if isinstance(value, list) else str(value)
    text = re.sub(r"\bE\b", "e", re.sub(r"sqrt\((\d+)\)", r"√\1", text))
    return text.replace("-", "−").replace("**", "^")
