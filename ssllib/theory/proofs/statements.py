"""Printed statements, decided by machine: SymPy decides identities, Z3 inequalities, autograd agrees or not.

Neither SymPy nor Z3 is imported before it is needed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Protocol

from ssllib.theory.proofs.algebra import SIGNS, Algebra, never_negative, plain, vanishes
from ssllib.theory.proofs.readings import Coordinates, EqualNorms, Formula, Gram, largest_error

Point = tuple[tuple[int, ...], tuple[int, ...], str]
"""z, t and gamma (a fraction)."""

DIMENSIONS = (1, 2, 3, 20, 2048)
"""Where numerical statements are tried."""

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
    axis of t, (-1, 0) is the half of space beyond a right angle. `equal` restricts it to |z| = |t|.
    """

    left: Formula
    right: Formula
    sign: str = "="
    between: tuple[int, int] | None = None
    names: tuple[str, str] = ("left side", "right side")  # in a counterexample; "" leaves a side out
    equal: bool = False

    def __post_init__(self) -> None:
        if self.sign not in SIGNS:
            raise ValueError(f"the sign is {self.sign!r}; allowed: {', '.join(SIGNS)}")

    def proved(self) -> bool:
        """True if SymPy or Z3 proves it for every dimension. False means no proof, not disproof."""
        gram = EqualNorms() if self.equal else Gram()
        raw = self.right(gram) - self.left(gram)
        if any(_surely(x, self.sign) for x in gram.samples(raw, self.between)):
            return False
        gap = gram.reduce(raw)
        if self.sign != "=":
            return never_negative(gap, self.sign == "<", gram.given(self.between))
        if gap != 0 or self.equal:  # coordinates of equal norm would have to be solved for
            return bool(gap == 0)
        return all(
            not any(space.reduce(self.right(space) - self.left(space)))
            for space in map(Coordinates, (2, 3) if self.between else (1, 2, 3))  # on the line all is on the axis
        )

    def counterexample(self, show: dict[str, Formula] | None = None) -> dict[str, Any] | None:
        """The first of some small points of the plane, then of the line, where it fails; else None."""
        for d, points in ((2, _EQUAL if self.equal else _PLANE), (1, _LINE)):
            space = Coordinates(d)
            left, right = self.left(space), self.right(space)
            gap = [b - a for a, b in zip(space.entries(left), space.entries(right), strict=True)]
            rough = space.sp.lambdify([*space.z, *space.t, space.gamma], gap)  # only says where to look
            for z, t, gamma in points:
                if self.equal and sum(x * x for x in z) != sum(x * x for x in t):
                    continue
                if not _inside(self.between, z, t):
                    continue
                if not _fails(rough(*z, *t, float(Fraction(gamma))), self.sign, doubt=1e-9):
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
_EQUAL: list[Point] = [
    ((2, 0), (0, 2), "1"),
    ((9, 3), (-9, 3), "50"),  # to (8, 6) and (-8, 6)
    *(
        (z, (-z[0], z[1]), gamma)
        for z, gamma in itertools.product(((1, 2), (2, 1), (3, 1)), ("1", "5", "1/2"))
    ),
    *_PLANE,
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


def _surely(gap: float, sign: str) -> bool:
    """Whether right - left = `gap`, in floating point, contradicts the relation, rounding set aside."""
    return abs(gap) > 1e-6 if sign == "=" else gap < -1e-6


def _plain(values: list[Any]) -> Any:
    """A vector as a list, a number as itself."""
    entries = [plain(x) for x in values]
    return entries if len(entries) > 1 else entries[0]


class Read(Protocol):
    """Makes a relation of a printed text (`ssllib.theory.proofs.reading`)."""

    def relation(self, latex: str) -> Any: ...


@dataclass(frozen=True)
class Question:
    """A statement whose text is read, and how to decide it again."""

    source: str
    printed: str
    corrected: str | None
    decide: Callable[[], Statement]
    meant: Callable[[], Any]  # the relation as which it is read
    nearby: Callable[[], Any] | None  # that of the correction


LISTENERS: list[Callable[[Question], None]] = []
"""Told of each question when it is decided: how a test learns what is read."""


def ask(question: Question) -> Statement:
    for listen in LISTENERS:
        listen(question)
    return question.decide()


def settle(
    source: str,
    printed: str,
    proof: bool,
    counterexample: dict[str, Any] | None,
    *,
    how: str = "SymPy",
    corrected: tuple[str, bool] | None = None,
    role: str = "claim",
) -> Statement:
    """A statement from what was found for it and what was found against it.

    Args:
        proof: whether it was proved.
        counterexample: the first that was found, or None.
        corrected: the nearby statement, in LaTeX, and whether that one is proved.

    Raises:
        Undecided: if neither a proof nor a counterexample was found, or both were.
    """
    if proof == (counterexample is not None):
        what = f"both a proof and {counterexample}" if proof else "no proof and no example"
        raise Undecided(f"{source}: {printed}: {what}")
    fixed = corrected[0] if corrected and corrected[1] and not proof else None
    return Statement(source, printed, proof, how, counterexample, fixed, role)


def examine(
    source: str,
    printed: str,
    relation: Relation | Algebra | Read,
    *,
    role: str = "claim",
    corrected: tuple[str, Relation | Algebra | Read] | str | None = None,
    show: dict[str, Any] | None = None,
) -> Statement:
    """Decide one printed statement.

    Args:
        source: where it stands.
        printed: how it reads, in LaTeX.
        relation: what it says, or how `printed` is to be read.
        corrected: the nearby statement, in LaTeX and as a relation, tried where the printed one is false; in LaTeX
            only, it is read as `printed` is.
        show: further formulas (SymPy expressions with `Algebra`) worth reading off at a counterexample.

    Raises:
        Undecided: if neither a proof nor a counterexample is found, or both are.
    """
    nearby = corrected if isinstance(corrected, tuple) else (corrected, relation) if corrected else None

    def decide() -> Statement:
        said = _meant(relation, printed)
        holds = said.proved()
        fixed = (nearby[0], _meant(nearby[1], nearby[0]).proved()) if nearby and not holds else None
        how = getattr(said, "how", "SymPy" if said.sign == "=" else "Z3")
        return settle(source, printed, holds, said.counterexample(show), how=how, corrected=fixed, role=role)

    if isinstance(relation, Relation | Algebra):
        return decide()
    other = (lambda: _meant(nearby[1], nearby[0])) if nearby else None
    text = nearby[0] if nearby else None
    return ask(Question(source, printed, text, decide, lambda: _meant(relation, printed), other))


def _meant(relation: Any, latex: str) -> Any:
    return relation if isinstance(relation, Relation | Algebra) else relation.relation(latex)


@dataclass(frozen=True)
class Limit:
    """The scalar `formula` tends to `value` as the norm of z, the cosine or gamma goes to `point`.

    All else is fixed; `value` may contain rho (the norm of z), tau (that of t) and c (the cosine).
    """

    formula: Formula
    variable: str  # "norm", "cosine" or "gamma"
    point: str
    value: str | Formula
    equal: bool = False  # |z| = |t| all along

    def proved(self) -> bool:
        return self.found()[0]

    def found(self) -> tuple[bool, str]:
        """Whether it does, and what SymPy finds."""
        gram = EqualNorms() if self.equal else Gram()
        x = {"norm": gram.rho, "cosine": gram.c, "gamma": gram.gamma}[self.variable]
        side = "+" if self.point in ("-1", "0") else "-"
        limit = gram.sp.limit(gram.reduce(self.formula(gram)), x, gram.sp.sympify(self.point), side)
        if isinstance(self.value, str):
            value = gram.sp.sympify(self.value, locals={s.name: s for s in (gram.rho, gram.tau, gram.c)})
        else:
            value = gram.reduce(self.value(gram))
        return vanishes((limit - value).subs(gram.s**2, 1 - gram.c**2)), str(limit)


def approach(
    source: str, printed: str, limit: Limit | Read, *, role: str = "claim", corrected: tuple[str, Read] | None = None
) -> Statement:
    """Decide a statement about a limit; where it is false, the limit itself is the counterexample."""

    def decide() -> Statement:
        holds, found = (limit if isinstance(limit, Limit) else limit.relation(printed)).found()
        fixed = corrected[0] if corrected and not holds and other().found()[0] else None
        return Statement(source, printed, holds, "SymPy", None if holds else {"limit": found}, fixed, role)

    def other() -> Any:
        return corrected[1].relation(corrected[0]) if corrected else None

    if isinstance(limit, Limit):
        return decide()
    text = corrected[0] if corrected else None
    return ask(Question(source, printed, text, decide, lambda: limit.relation(printed), other))


def agree(source: str, printed: str, reading: Read, seed: int, per: float = 0.0) -> Statement:
    r"""A numerical statement: both sides agree in float64, in units of $\|z\|^{per - 1}$, in `DIMENSIONS`."""

    def decide() -> Statement:
        said = reading.relation(printed)
        if said.sign != "=":
            raise ValueError(f"{source}: {printed} is no equation")
        left, right = (lambda s, f=f: f(s) / s.norm(s.z) ** per for f in (said.left, said.right))  # type: ignore[misc]
        errors = {d: largest_error(left, right, d, seed=seed) for d in DIMENSIONS}
        return compared(source, printed, errors, " / norm")

    return ask(Question(source, printed, None, decide, lambda: reading.relation(printed), None))


def compared(source: str, printed: str, errors: Mapping[int, float], unit: str = "") -> Statement:
    """A numerical statement from its largest error in each dimension."""
    wrong = {str(d): f"error {e:.0e}{unit}" for d, e in errors.items() if not e < TOLERANCE}
    return Statement(source, printed, not wrong, "autograd", wrong or None, role="added")


def added(
    source: str, printed: str, holds: bool, how: str, role: str = "added", example: dict[str, Any] | None = None
) -> Statement:
    """A statement of this book, or a line of a proof, that was decided elsewhere."""
    return Statement(source, printed, holds, how, None if holds else example, role=role)


_ROLE = {"claim": "", "proof": " (in its proof)", "added": ""}


def _where(s: Mapping[str, Any]) -> str:
    return f"*{s['source']}*" if s["role"] == "added" else s["source"] + _ROLE[s["role"]]


def _breakable(latex: str) -> str:
    r"""A formula in LaTeX as MyST that a narrow page can break into lines, as a formula by itself cannot be.

    Outside of all brackets, what `\quad` sets apart becomes a formula of its own, and so does what stands on either
    side of words, `\text{ ... }` with a space at an end; a statement in words only is text.
    """
    pieces, depth = [""], 0
    for token in re.findall(r"\\text\{[^{}]*\}|\\[A-Za-z]+|\\.|.", latex):
        words = token[6:-1] if token.startswith(r"\text{") else ""
        apart = words and (token == latex or words != words.strip())
        if depth == 0 and (apart or token == r"\quad"):
            pieces += [f" {words.strip()} ".replace(r"\_", "_") if apart else "\u2003", ""]
            continue
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token, 0)
        pieces[-1] += token
    formulas = [re.sub(r"^(\\[ ,]|\s)+|(\\[ ,]|\s)+$", "", p) for p in pieces[::2]]
    shown = [f"${f}$" if f else "" for f in formulas]
    return "".join(itertools.chain(*itertools.zip_longest(shown, pieces[1::2], fillvalue=""))).strip()


def first_failure(found: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Of a record's statements the first that the paper asserts and that does not hold; None if all of these hold."""
    return next((s for s in found if s["role"] == "claim" and not s["holds"]), None)


def sentence(s: Mapping[str, Any]) -> str:
    """A statement as a record holds it, and what became of it, in a line of MyST."""
    verb = "holds" if s["holds"] else "**does not hold**"
    text = f"{_where(s)}: {_breakable(s['printed'])} {verb} ({s['how']})."
    if s["counterexample"]:
        text += f" {'Example' if s['holds'] else 'Counterexample'}: {_example(s)}."
    return text + (f" Corrected: {_breakable(s['corrected'])}." if s["corrected"] else "")


def _example(s: Mapping[str, Any]) -> str:
    greek = {"alpha": "α", "gamma": "γ", "tau": "τ"}
    return "; ".join(f"{greek.get(k, k)} = {_readable(v)}" for k, v in (s["counterexample"] or {}).items())


_FORMULA = re.compile(r"(?=.*(?:[/*]|sqrt|exp|log|\bE\b))(?:[\d\s+\-*/().,E]|sqrt|exp|log)+")


def _readable(value: Any) -> str:
    """A number as text, a fraction or a formula of numbers as mathematics, a list as a vector."""
    parts = [_latex(x) for x in (value if isinstance(value, list) else [value])]
    inside = ", ".join(latex for latex, _ in parts)
    text = f"({inside})" if isinstance(value, list) else inside
    return f"${text}$" if any(formula for _, formula in parts) else text.replace("-", "−")


def _latex(value: Any) -> tuple[str, bool]:
    """How a value is written, and whether that is a formula."""
    if not isinstance(value, str) or not _FORMULA.fullmatch(value):
        return str(value), False
    import sympy as sp

    return str(sp.latex(sp.sympify(value))), True
