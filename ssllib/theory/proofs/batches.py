r"""Formulas about a batch: an anchor z and m other samples, of which the first is its positive.

As in `ssllib.theory.proofs.readings` a formula is written once and read in three ways: by inner products alone (every
dimension), at exact points of the plane (counterexamples), and in float64 with autograd. Whatever contains a
sum over the samples is decided for m = 1 and 2 (a whole batch: 1 and 3); the sums themselves, for any m, in
`ssllib.theory.proofs.infonce`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ssllib.theory.proofs.readings import Columns, Formula, Numbers, Space, hard_pairs
from ssllib.theory.proofs.statements import (
    TOLERANCE,
    Question,
    Read,
    Relation,
    Statement,
    _fails,
    _plain,
    ask,
)

Point = tuple[int, int]
SIZES = (1, 2)
"""Numbers of other samples for which identities are decided symbol by symbol."""


class Batch(Space):
    """An anchor `z`, the `others` (the first is `t`, its positive), a temperature `tau` and a step `gamma`."""

    others: Sequence[Any]
    tau: Any

    sp: Any

    def exp(self, x: Any) -> Any:
        return self.sp.exp(x)

    def log(self, x: Any) -> Any:
        return self.sp.log(x)

    def largest(self, *values: Any) -> Any:
        return self.sp.Max(*values)


class GramBatch(Batch):
    """Vectors of any dimension, known through their inner products only."""

    def __init__(self, m: int, tempered: bool = True) -> None:
        import sympy as sp

        self.sp = sp
        self.z = sp.Symbol("z")  # this and `others` stand for vectors, and only ever occur linearly
        self.others = sp.symbols(f"t1:{m + 1}")
        self.t = self.others[0]
        self.gamma = sp.Symbol("gamma", positive=True)
        self.tau = sp.Symbol("tau", positive=True) if tempered else sp.Integer(1)
        self.vectors = [self.z, *self.others]
        self.norms = sp.symbols(f"rho0:{m + 1}", positive=True)
        self.products: dict[tuple[int, int], Any] = {}
        self.cosines: dict[tuple[int, int], Any] = {}
        for a, b in itertools.combinations_with_replacement(range(m + 1), 2):
            self.products[a, b] = sp.Symbol(f"g{a}_{b}", **({"positive": True} if a == b else {"real": True}))
            self.cosines[a, b] = sp.Integer(1) if a == b else sp.Symbol(f"c{a}_{b}", real=True)

    def dot(self, a: Any, b: Any) -> Any:
        left, right = ([self.sp.sympify(x).diff(v) for v in self.vectors] for x in (a, b))
        pairs = itertools.product(range(len(self.vectors)), repeat=2)
        return sum(left[i] * right[j] * self.products[min(i, j), max(i, j)] for i, j in pairs)

    def sqrt(self, x: Any) -> Any:
        return self.sp.sqrt(x)

    def gradient(self, f: Formula) -> Any:
        value = self.sp.sympify(f(self))
        along = sum(value.diff(self.products[0, k]) * t for k, t in enumerate(self.others, 1))
        return along + 2 * value.diff(self.products[0, 0]) * self.z

    def at(self, f: Formula, z: Any) -> Any:
        new = {self.products[0, 0]: self.dot(z, z), self.z: z}
        new |= {self.products[0, k]: self.dot(z, t) for k, t in enumerate(self.others, 1)}
        return self.sp.sympify(f(self)).subs(new, simultaneous=True)

    def vanishes(self, value: Any) -> bool:
        """Whether a number, or each coefficient of a vector, is zero for all norms, cosines and steps."""
        sp = self.sp
        value = sp.sympify(value).subs(
            {
                g: self.norms[a] * self.norms[b] * self.cosines[a, b]
                for (a, b), g in self.products.items()
                if (a, b) != (0, 0)
            }
        )
        value = value.subs(self.products[0, 0], self.norms[0] ** 2)
        rest = value.subs(dict.fromkeys(self.vectors, 0))
        return all(self._zero(x) for x in [*(value.diff(v) for v in self.vectors), rest])

    def _zero(self, value: Any) -> bool:
        """Whether a rational function of exponentials, each taken as a symbol of its own, is zero."""
        names = {e: self.sp.Dummy(positive=True) for e in value.atoms(self.sp.exp)}
        above, _ = self.sp.fraction(self.sp.together(value.subs(names)))
        return bool(self.sp.expand(above) == 0)


class PlaneBatch(Columns, Batch):
    """An anchor with two symbols for coordinates and others at given whole coordinates of the plane."""

    def __init__(self, others: Sequence[Sequence[int]], gamma: str = "1") -> None:
        import sympy as sp

        self.sp = sp
        self.z = sp.Matrix(sp.symbols("x y", real=True))
        self.others = [sp.Matrix(t) for t in others]
        self.t = self.others[0]
        self.tau, self.gamma = sp.Integer(1), sp.Rational(gamma)

    def put(self, value: Any, z: Sequence[int]) -> list[Any]:
        """The exact entries of a number or vector at the anchor z."""
        here = dict(zip(self.z, z, strict=True))
        exact = [self.sp.sympify(x).subs(here) for x in self.sp.flatten([value])]
        return [x if x.count_ops() > 60 else self.sp.simplify(x) for x in exact]


class NumberBatch(Numbers, Batch):
    """Rows of float64 tensors: z of shape (n, d), others m tensors of that shape; scalars (n, 1)."""

    def __init__(self, z: Tensor, others: Sequence[Tensor], tau: float = 1.0, gamma: float = 1.0) -> None:
        super().__init__(z, others[0], gamma)
        self.others, self.tau = others, tau

    def exp(self, x: Tensor) -> Tensor:
        return x.exp()

    def log(self, x: Tensor) -> Tensor:
        return x.log()

    def largest(self, *values: Tensor) -> Tensor:
        return torch.stack(values).amax(dim=0)

    def at(self, f: Formula, z: Tensor) -> Tensor:
        return f(NumberBatch(z, self.others, self.tau, self.gamma))


@dataclass(frozen=True)
class BatchRelation(Relation):
    """An equation for every batch: `left` = `right`; with `tempered`, at every temperature, else at 1.

    Proved for each number of other samples in `sizes`, in every dimension.
    """

    tempered: bool = True
    sizes: tuple[int, ...] = SIZES
    corners: bool = False  # look for counterexamples among eight directions instead of four

    def proved(self) -> bool:
        spaces = [GramBatch(m, self.tempered) for m in self.sizes]
        return self.sign == "=" and all(s.vanishes(self.right(s) - self.left(s)) for s in spaces)

    def counterexample(self, show: dict[str, Formula] | None = None) -> dict[str, Any] | None:
        """The first small batch of the plane in which it fails exactly, with what `show` names; else None."""
        for z, others in self._suspects():
            space = PlaneBatch(others)
            sides = [space.put(f(space), z) for f in (self.left, self.right)]
            gap = [space.sp.N(b - a, 30) for a, b in zip(*sides, strict=True)]
            if self.sign == "=":
                gap = [space.sp.simplify(b - a) for a, b in zip(*sides, strict=True)]
            if _fails(gap, self.sign):
                return described(space, z, dict(zip(self.names, sides, strict=True)), show)
        return None

    def _suspects(self) -> Iterator[tuple[Point, tuple[Point, ...]]]:
        """Where the equation fails in floating point, or may: an anchor and its others. Two others come first."""
        for m in (k for k in (2, 1, 3) if k in self.sizes):
            points = list(plane_points((m,), self.corners))
            z = torch.tensor([z for z, _ in points], dtype=torch.float64)
            others = torch.tensor([list(t) for _, t in points], dtype=torch.float64)  # (points, m, 2)
            space = NumberBatch(z, list(others.unbind(1)))
            gaps = self.right(space) - self.left(space)
            yield from (
                p for p, gap in zip(points, gaps.tolist(), strict=True) if _fails(gap, self.sign, 1e-9)
            )


def plane_points(sizes: Sequence[int], corners: bool = False) -> Iterator[tuple[Point, tuple[Point, ...]]]:
    """Anchors and others in whole coordinates, the others in different directions."""
    for m in sizes:
        directions = _CORNERS + _COMPASS if corners else _COMPASS
        yield from itertools.product(_ANCHORS, itertools.permutations(directions, m))


def described(
    space: PlaneBatch, z: Sequence[int], values: dict[str, list[Any]], show: dict[str, Formula] | None = None
) -> dict[str, Any]:
    """A batch of the plane and values at it, as a record can hold them."""
    names = ["positive", *(["negative"] if len(space.others) == 2 else ["first negative", "its positive"])]
    batch = {"z": list(z)} | {name: [int(x) for x in t] for name, t in zip(names, space.others, strict=False)}
    values = values | {name: space.put(f(space), z) for name, f in (show or {}).items()}
    return batch | {name: _plain(_short(space, v)) for name, v in values.items() if name}


def _short(space: PlaneBatch, values: list[Any]) -> list[Any]:
    """Numbers that would fill a line, to three digits; the others as they are."""
    return [space.sp.N(x, 3) if len(str(x)) > 24 else x for x in values]


_COMPASS = ((0, 1), (0, -1), (1, 0), (-1, 0))
_CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_ANCHORS = ((1, 0), (2, 0))


def hard_batch(
    dimension: int, m: int, draws: int = 210, seed: int = 0, spread: float = 100.0
) -> tuple[Tensor, list[Tensor]]:
    """An anchor and m other samples, (draws, dimension) each: corners as in `hard_pairs`.

    The first other sample stands to the anchor as in `hard_pairs`; of the rest, some lie exactly along or
    against it. `spread`: norms are log-uniform from 10^-spread to 10^spread.
    """
    z, t = hard_pairs(dimension, draws, seed)
    others = [t]
    for k in range(1, m):
        other = hard_pairs(dimension, draws, seed + 1000 * k)[1]
        other[k::7] = z[k::7]
        other[k + 1 :: 11] = -z[k + 1 :: 11]
        others.append(other)
    return _shorter(z, spread), [_shorter(t, spread) for t in others]


def _shorter(z: Tensor, spread: float) -> Tensor:
    """Norms between 1e-100 and 1e100 brought, on a logarithmic scale, to within 10^-spread and 10^spread."""
    norm = torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return z / norm * norm ** (spread / 100)


def batch_error(left: Formula, right: Formula, dimension: int, m: int, tau: float, seed: int = 0) -> float:
    r"""Largest $\tau \|z\| \cdot \|left - right\|$ over `hard_batch`."""
    z, others = hard_batch(dimension, m, seed=seed)
    space = NumberBatch(z, others, tau)
    gap = torch.linalg.vector_norm(left(space) - right(space), dim=-1, keepdim=True)
    return float((tau * space.norm(z) * gap).max())


def agree_in_batches(source: str, printed: str, reading: Read, seed: int) -> Statement:
    """Both sides agree in float64: batches of 2 to 32 samples, temperatures 1, 0.5 and 0.1."""

    def decide() -> Statement:
        said = reading.relation(printed)
        if said.sign != "=":
            raise ValueError(f"{source}: {printed} is no equation")
        cases = itertools.product((1, 2, 3, 20, 256), ((1, 1.0), (3, 0.5), (31, 0.1)))
        errors = {f"d = {d}, m = {m}": batch_error(said.left, said.right, d, m, tau, seed) for d, (m, tau) in cases}
        wrong = {case: f"error {e:.0e}" for case, e in errors.items() if not e < TOLERANCE}
        return Statement(source, printed, not wrong, "autograd", wrong or None, role="added")

    return ask(Question(source, printed, None, decide, lambda: reading.relation(printed), None))


def differ(
    source: str, printed: str, relation: BatchRelation, show: dict[str, Formula] | None = None
) -> Statement:
    """The statement, added here, that an equation does *not* always hold; the example belongs to it."""
    example = relation.counterexample(show)
    return Statement(source, printed, example is not None, "example", example, role="added")
