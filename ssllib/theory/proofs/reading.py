r"""Printed LaTeX, read: the expression that a table shows is the one that is decided.

`read` turns a statement such as `\lVert z_i' \rVert \geq \lVert z_i \rVert` into a tree, and a `Reading` says what its
names stand for. `alterations` lists the statements that differ from it in one sign, constant, exponent, hat,
projection, function or relation; a statement that is decided differently from none of them would say nothing.

What is understood: numbers, names (longest first, as `words` spells them), + - \cdot / \frac ^, products by writing
side by side, \lVert \rVert, \hat, x^\top y, ( )_{\perp z}, \sqrt, \sin \cos \tan \log \ln \exp, \sum_{k \neq i},
chains of = < > \leq \geq, and after \quad or words a range in brackets, which the `Reading` states.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ssllib.theory.proofs.algebra import Algebra, AllEqual
from ssllib.theory.proofs.readings import EqualNorms, Formula, Gram
from ssllib.theory.proofs.statements import Limit, Relation

Tree = tuple[Any, ...]
"""An operator and what it is applied to; a chain is ("chain", a, "<", b, ...)."""

ORDER = {"=": "=", "<": "<", ">": ">", r"\leq": "<=", r"\geq": ">=", r"\to": "->"}
OTHERS = {"=": ("<",), "<": (">",), ">": ("<",), "<=": (">", "="), ">=": ("<", "=")}
"""What a relation is altered to."""
FUNCTIONS = ("sin", "cos", "tan", "arctan", "log", "ln", "exp")
_SPACING = {r"\,", r"\ ", r"\;", r"\Bigl", r"\Bigr", r"\bigl", r"\bigr", r"\Big", r"\left", r"\right", r"\!"}
_TOKEN = re.compile(r"\\text\{[^{}]*\}|\\[A-Za-z]+|\\.|\d+\.\d+|\d|[^\s]")
_CLOSING = {"(": ")", "[": "]", "{": "}"}

ALTERED: dict[str, Tree] = {}
"""What `read` returns in the place of a text: how a test alters a printed statement."""

SEEN: dict[str, Tree] = {}
"""Every text that was read, and as what."""


class Unreadable(ValueError):
    """LaTeX that is not understood."""


def _tokens(latex: str) -> tuple[str, ...]:
    return tuple(t for t in _TOKEN.findall(latex) if t not in _SPACING)


ANGLES = {"0": 1, r"\tfrac \pi 2": 0, r"\pi": -1}
"""Bounds of a printed range of the angle, and their cosines."""

LIMITS = {
    r"\lVert z_i \rVert \to \infty": ("norm", "oo"),
    r"\phi_{ij} \to \pi": ("cosine", "-1"),
    r"\gamma \to 0": ("gamma", "0"),
    r"\gamma \to \infty": ("gamma", "oo"),
}
"""What a limit is taken in."""


def _range(tokens: Sequence[str]) -> Tree | None:
    """What follows a formula, if it is a range of the angle or what a limit is taken in; None otherwise."""
    text = " ".join(tokens)
    sine = re.fullmatch(r"\\quad \( \\sin \\phi(?: _ \{ i j \})? > 0 \)", text)
    between = re.fullmatch(r"\\quad \( (?:k > 1 , )?(.+?) < \\phi < (.+?) \)", text)
    if sine:
        return ("range", -1, 1)
    if between and all(x in ANGLES for x in between.groups()):
        high, low = (ANGLES[x] for x in between.groups())
        return ("range", low, high)
    if text.startswith(r"\text{ as }"):
        for limit, what in LIMITS.items():
            if tuple(tokens[1 : 1 + len(_tokens(limit))]) == _tokens(limit):
                return ("limit", *what)
    return None


def _range_starts(tokens: Sequence[str]) -> int:
    """Where the range begins: at the first \\quad or the first words outside of all brackets."""
    depth = 0
    for i, t in enumerate(tokens):
        if depth == 0 and (t == r"\quad" or t.startswith(r"\text{")):
            return i
        depth += (t in _CLOSING) - (t in _CLOSING.values())
    return len(tokens)


def read(latex: str, words: Sequence[str]) -> Tree:
    """A printed statement or expression as a tree; what follows its formula (a range) is left out.

    Raises:
        Unreadable: where something is not understood.
    """
    SEEN[latex] = _read(latex, tuple(words))
    return ALTERED.get(latex, SEEN[latex])


@lru_cache(maxsize=1024)
def _read(latex: str, words: tuple[str, ...]) -> Tree:
    tokens = _tokens(latex)
    end = _range_starts(tokens)
    parser = _Parser(tokens[:end], words)
    tree = parser.chain()
    if parser.at < len(parser.tokens):
        raise Unreadable(f"{latex}: not understood from {' '.join(parser.tokens[parser.at :])}")
    where = _range(tokens[end:])
    return ("for", tree, where) if where else tree


class _Parser:
    """Recursive descent over tokens."""

    def __init__(self, tokens: Sequence[str], words: Sequence[str]) -> None:
        self.tokens, self.at = list(tokens), 0
        self.words = sorted(((_tokens(w), w) for w in words), key=lambda pair: -len(pair[0]))

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, token: str = "") -> str:
        found = self.peek()
        if not found or (token and found != token):
            raise Unreadable(f"{' '.join(self.tokens)}: {token or 'something'} expected at {self.at}")
        self.at += 1
        return found

    def chain(self) -> Tree:
        parts: list[Any] = [self.sum()]
        while self.peek() in ORDER:
            parts += [ORDER[self.take()], self.sum()]
        return ("chain", *parts) if len(parts) > 1 else parts[0]

    def sum(self) -> Tree:
        negative = self.peek() == "-"
        if negative:
            self.take()
        left = self.product()
        left = ("neg", left) if negative else left
        while self.peek() in ("+", "-"):
            left = (self.take(), left, self.product())
        return left

    def product(self) -> Tree:
        left = self.factor()
        while True:
            token = self.peek()
            if token == "/":
                self.take()
                left = ("/", left, self.factor())
            elif token == r"\cdot":
                self.take()
                left = ("*", left, self.factor())
            elif token in ("", "+", "-", ")", "]", "}", r"\rVert", ",") or token in ORDER:
                return left
            else:
                left = ("*", left, self.factor())

    def factor(self) -> Tree:
        value = self.atom()
        while self.peek() in ("^", "_"):
            if self.take() == "_":  # orthogonal to
                self.take("{")
                self.take(r"\perp")
                value = ("perp", value, self.sum())
                self.take("}")
            elif self.peek() == r"\top":
                self.take()
                value = ("transposed", value)
            else:
                value = ("^", value, self.group())
        return value

    def group(self) -> Tree:
        """An argument in braces, or one digit or name without."""
        if self.peek() != "{":
            return self.atom()
        self.take("{")
        value = self.sum()
        self.take("}")
        return value

    def atom(self) -> Tree:
        for tokens, word in self.words:
            if tuple(self.tokens[self.at : self.at + len(tokens)]) == tokens:
                self.at += len(tokens)
                return ("word", word)
        token = self.take()
        if re.fullmatch(r"\d+\.\d+", token):
            return ("number", Fraction(token))
        if token.isdigit():
            while self.peek().isdigit() and not self._single:
                token += self.take()
            return ("number", Fraction(token))
        if token in _CLOSING:
            value = self.sum()
            self.take(_CLOSING[token])
            return value
        if token == r"\lVert":
            value = self.sum()
            self.take(r"\rVert")
            if self.tokens[self.at : self.at + 2] == ["_", "2"]:  # the 2-norm
                self.at += 2
            return ("norm", value)
        if token in (r"\frac", r"\tfrac"):
            above, below = self._argument(), self._argument()
            return ("/", above, below)
        if token == r"\sqrt":
            return ("sqrt", self._argument())
        if token == r"\hat":
            return ("hat", self._argument())
        if token[1:] in FUNCTIONS and token[0] == "\\":
            return self._function(token[1:])
        if token in (r"\sum", r"\max"):
            for part in ("_", "{", "k", r"\neq", "i", "}"):
                self.take(part)
            return (token[1:], self.product())
        raise Unreadable(f"{' '.join(self.tokens)}: {token!r} is not understood")

    _single = False

    def _argument(self) -> Tree:
        """An argument of \\frac and the like: in braces, else a single digit or name."""
        if self.peek() == "{":
            return self.group()
        self._single = True
        try:
            return self.atom()
        finally:
            self._single = False

    def _function(self, name: str) -> Tree:
        power = None
        if self.peek() == "^":
            self.take()
            power = self.group()
        value = ("function", name, self.factor())
        return value if power is None else ("^", value, power)


# --- what it means ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Indexed:
    """A word that depends on the sample k of a sum over k: f(space, sample)."""

    f: Callable[[Any, Any], Any]


class _Row:
    """x^T, to be multiplied by a vector from the right, or by one from the left."""

    def __init__(self, space: Any, x: Any) -> None:
        self.space, self.x = space, x


class _Matrix:
    """A linear map of vectors."""

    def __init__(self, apply: Callable[[Any], Any]) -> None:
        self.apply = apply


IDENTITY = _Matrix(lambda x: x)


def _multiply(a: Any, b: Any) -> Any:
    if isinstance(a, _Row):
        return a.space.dot(a.x, b)
    if isinstance(b, _Row):
        return _Matrix(lambda x: a * b.space.dot(b.x, x))
    if isinstance(a, _Matrix):
        return a.apply(b)
    if isinstance(b, _Matrix):
        return _Matrix(lambda x: a * b.apply(x))
    return _plain(a, b) * _plain(b, a)


def _plain(a: Any, other: Any) -> Any:
    """A fraction as a float where it meets a tensor."""
    return float(a) if isinstance(a, Fraction) and hasattr(other, "dtype") else a


def _combine(operator: str, a: Any, b: Any) -> Any:
    if isinstance(a, _Matrix) or isinstance(b, _Matrix):
        sign = 1 if operator == "+" else -1
        if operator == "/":
            return _Matrix(lambda x: a.apply(x) / b)
        return _Matrix(lambda x: a.apply(x) + sign * b.apply(x))
    if operator == "/" and isinstance(a, int) and isinstance(b, int):
        return Fraction(a, b)
    a, b = _plain(a, b), _plain(b, a)
    return a + b if operator == "+" else a - b if operator == "-" else a / b


def evaluate(tree: Tree, words: Mapping[str, Any], space: Any, sample: Any = None) -> Any:
    """The value of an expression in a space.

    Args:
        words: what each name stands for: a formula of the space, `Indexed`, or a value.
        space: has `dot`, `sqrt`, `norm`, `unit`, `perp`; `others` for sums. SymPy's functions will do for numbers.
        sample: of the sum in which the expression stands.
    """

    def at(t: Tree) -> Any:
        return evaluate(t, words, space, sample)

    operator, *rest = tree
    if operator == "number":
        return int(rest[0]) if rest[0].denominator == 1 else rest[0]
    if operator == "word":
        meaning = words[rest[0]]
        if isinstance(meaning, Indexed):
            return meaning.f(space, sample)
        return meaning(space) if _is_formula(meaning) else meaning
    if operator in ("sum", "max"):  # two vectors only: the other one stands for any sample
        first, *others = (evaluate(rest[0], words, space, t) for t in getattr(space, "others", (space.t,)))
        if operator == "max":
            return space.largest(first, *others) if others else first
        for x in others:
            first = first + x
        return first
    if operator == "function":
        return _function(rest[0], at(rest[1]), space)
    values = [at(t) for t in rest]
    if operator == "neg":
        a = values[0]
        return _Matrix(lambda x: -a.apply(x)) if isinstance(a, _Matrix) else -a
    if operator == "*":
        return _multiply(*values)
    if operator in ("+", "-", "/"):
        return _combine(operator, *values)
    if operator == "^":
        return values[0] ** _plain(values[1], values[0])
    if operator == "transposed":
        return _Row(space, values[0])
    named = {"norm": "norm", "hat": "unit", "perp": "perp", "sqrt": "sqrt"}
    return getattr(space, named[operator])(*values)


def _is_formula(meaning: Any) -> bool:
    return callable(meaning) and not hasattr(meaning, "free_symbols")


class Angle:
    """An angle that is known through its cosine in a space."""

    def __init__(self, cosine: Formula) -> None:
        self.cosine = cosine


def _function(name: str, x: Any, space: Any) -> Any:
    if isinstance(x, Angle):
        c = x.cosine(space)
        return c if name == "cos" else space.sqrt(1 - c**2) if name == "sin" else space.sqrt(1 - c**2) / c
    import sympy as sp

    name = "atan" if name == "arctan" else name
    return getattr(space if hasattr(space, "exp") and name in ("exp", "log") else sp, name)(x)


class Symbols:
    """The space of statements about numbers: SymPy's square root, and no vectors."""

    def sqrt(self, x: Any) -> Any:
        import sympy as sp

        return sp.sqrt(x)

    def dot(self, a: Any, b: Any) -> Any:
        return (a.T * b)[0]

    def norm(self, x: Any) -> Any:
        return self.sqrt(self.dot(x, x))


def value(latex: str, words: Mapping[str, Any]) -> Any:
    """A printed expression of numbers as one of SymPy: a part of a statement, or what one is about."""
    import sympy as sp

    VALUES.add(latex)
    return sp.sympify(evaluate(read(latex, tuple(words)), words, Symbols()))


VALUES: set[str] = set()
"""The texts that were read by `value`."""


def numbers(words: Mapping[str, Any], **options: Any) -> Reading:
    """How a statement about numbers is read; `options` are those of `Algebra`."""
    return Reading(words, Algebra, options=options)


def sides(tree: Tree) -> list[tuple[Tree, str, Tree]]:
    """The relations of a chain, two by two."""
    if tree[0] == "for":
        return sides(tree[1])
    if tree[0] != "chain":
        raise Unreadable(f"no relation in {tree}")
    return [(tree[i], tree[i + 1], tree[i + 2]) for i in range(1, len(tree) - 2, 2)]


@dataclass(frozen=True)
class Reading:
    """How a printed relation is to be read.

    Args:
        words: what its names stand for.
        make: makes the relation: (left, right, sign), sign one of =, < and <=.
        squared: both sides are compared by their squares, neither being negative.
        options: further arguments of `make`.

    A printed range of the angle becomes the relation's `between`, and what a limit is taken in, its variable.
    """

    words: Mapping[str, Any]
    make: Callable[..., Any] = Relation
    squared: bool = False
    options: Mapping[str, Any] | None = None

    def relation(self, latex: str) -> Any:
        tree = read(latex, tuple(self.words))
        (left, sign, right), *more = sides(tree)
        where: Tree = tree[2] if tree[0] == "for" else ("everywhere",)
        if sign == "->":
            if where[0] != "limit":
                raise Unreadable(f"{latex} does not say what the limit is taken in")
            return Limit(self._formula(left), where[1], where[2], self._formula(right), **dict(self.options or {}))
        if more and self.make is AllEqual:
            first, *others = (evaluate(t, self.words, Symbols()) for t in (left, right, *(m[2] for m in more)))
            one = sign if {m[1] for m in more} == {sign} else "mixed"
            return AllEqual(first, others[-1], one, more=tuple(others[:-1]), **dict(self.options or {}))
        if more:
            raise Unreadable(f"{latex} is more than one relation")
        if sign in (">", ">="):
            left, right, sign = right, left, sign.replace(">", "<")
        make = SquaredRelation if self.squared else self.make
        options = dict(self.options or {})
        if self.make in (Algebra, AllEqual):
            a, b = (evaluate(t, self.words, Symbols()) for t in (left, right))
            return self.make(a, b, sign, **options)
        if where[0] == "range":
            options["between"] = where[1:]
        return make(self._formula(left), self._formula(right), sign, **options)

    def _formula(self, tree: Tree) -> Formula:
        return lambda s: evaluate(tree, self.words, s)


class SquaredRelation(Relation):
    """A relation between two numbers that are not negative: proved by their squares, refuted as it stands."""

    def proved(self) -> bool:
        gram = EqualNorms() if self.equal else Gram()
        if any(x < 0 for side in (self.left, self.right) for x in gram.samples(side(gram), self.between)):
            return False
        return Relation(
            lambda s: self.left(s) ** 2, lambda s: self.right(s) ** 2, self.sign, self.between, self.names, self.equal
        ).proved()


# --- what it might have said --------------------------------------------------------------------------------


def shown(tree: Tree) -> str:
    """A tree in one line."""
    operator, *rest = tree
    if operator == "number":
        return str(rest[0])
    if operator == "word":
        return str(rest[0])
    if operator == "for":
        return f"{shown(rest[0])} for {' '.join(map(str, rest[1]))}"
    if operator == "chain":
        return " ".join(x if isinstance(x, str) else shown(x) for x in rest)
    if operator == "function":
        return f"{rest[0]}({shown(rest[1])})"
    if operator == "neg":
        return f"-{shown(rest[0])}"
    if len(rest) == 2 and operator in "+-*/^":
        return f"({shown(rest[0])} {operator} {shown(rest[1])})"
    return f"{operator}({', '.join(shown(x) for x in rest)})"


def alterations(tree: Tree, both: bool = False) -> Iterator[tuple[str, list[Tree]]]:
    """Statements that differ from `tree` in one place: what is altered, and how.

    A constant of an inequality is altered both ways, as one of them says less than what is printed. So is the factor
    of a side; of an equation's constants one way is enough. `both`: as for an inequality.
    """
    if tree[0] == "for":
        for what, others in alterations(tree[1], both):
            yield what, [("for", other, tree[2]) for other in others]
        yield from ((f"range {what}", [("for", tree[1], other)]) for what, other in _wider(tree[2]))
        return
    two = ("number", Fraction(2))
    if tree[0] != "chain" and tree != ("number", Fraction(0)):
        yield f"sign of {shown(tree)}", [("neg", tree)]
        yield f"factor of {shown(tree)}", [("*", two, tree), ("/", tree, two)]
    elif tree[0] == "chain":
        signs = tree[2::2]
        both = any(sign not in ("=", "->") for sign in signs)
        for i, sign in enumerate(signs):
            for other in OTHERS.get(sign, ()):
                yield f"relation {sign} to {other}", [(*tree[: 2 * i + 2], other, *tree[2 * i + 3 :])]
        last = tree[-1]
        if last != ("number", Fraction(0)):
            at = 1 if signs[-1] in (">", ">=") else len(tree) - 1  # the side that is claimed to be the larger one
            side = tree[at]
            negated: Tree = side[1] if side[0] == "neg" else ("neg", side)
            yield f"sign of {shown(side)}", [(*tree[:at], negated, *tree[at + 1 :])]
            factors = [("*", two, last)] + ([("/", last, two)] if both else [])
            yield f"factor of {shown(last)}", [(*tree[:-1], x) for x in factors]
    yield from _inside(tree, both)


def _wider(where: Tree) -> Iterator[tuple[str, Tree]]:
    """A range with one end moved outwards (or all angles), a limit taken elsewhere."""
    if where[0] == "limit":
        other = {"oo": "1", "-1": "0", "0": "oo"}[where[2]]
        yield f"{where[1]} to {other}", ("limit", where[1], other)
        return
    low, high = where[1:]
    if (low, high) == (-1, 1):
        yield "all angles", ("everywhere",)
    if low > -1:
        yield "to pi", ("range", -1, high)
    if high < 1:
        yield "from 0", ("range", low, 1)


def _inside(tree: Tree, both: bool) -> Iterator[tuple[str, list[Tree]]]:
    for what, others in _here(tree, both):
        yield f"{what} in {shown(tree)}", others
    for i, part in enumerate(tree[1:], 1):
        if isinstance(part, tuple):
            for what, others in _inside(part, both):
                yield what, [(*tree[:i], other, *tree[i + 1 :]) for other in others]


def _here(tree: Tree, both: bool) -> Iterator[tuple[str, list[Tree]]]:
    operator, *rest = tree
    if operator == "number":
        yield "constant", [("number", rest[0] + x) for x in ((1, -1) if both else (1,))]
    elif operator in ("+", "-"):
        yield "sign", [("-" if operator == "+" else "+", *rest)]
    elif operator == "neg":
        yield "sign", [rest[0]]
    elif operator == "^":
        yield "exponent", [rest[0]]
    elif operator == "hat":
        yield "hat", [rest[0]]
    elif operator == "perp":
        yield "projection", [rest[0]]
    elif operator == "norm":
        yield "exponent", [("^", tree, ("number", Fraction(2)))]
    elif operator == "function" and rest[0] in ("sin", "cos"):
        yield "function", [("function", "cos" if rest[0] == "sin" else "sin", rest[1])]
