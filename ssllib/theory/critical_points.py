"""What kind of point a loss has at given embeddings: minimum, maximum, saddle or flat, by autograd.

The gradient and the Hessian are autograd's, in float64, restricted to the directions that matter: for a loss
that normalises its embeddings the tangents of the sphere, otherwise all of space. Zero eigenvalues that come
from a symmetry of the loss are told apart from others, along which the loss itself is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

Loss = Callable[[Tensor], Tensor]
"""Embeddings (N, d) in, a scalar out."""

GRADIENT_TOLERANCE = 1e-10
"""Largest norm of the gradient that counts as zero, in units of 1 + |loss|, for embeddings of norm one."""

EIGENVALUE_TOLERANCE = 1e-8
"""Largest eigenvalue that counts as zero, in units of the largest; below 1e-10 all of them do."""

CHANGE_TOLERANCE = 1e-12
"""Largest change of the loss that counts as none, in units of 1 + |loss|."""

STEPS = (0.02, 0.05, 0.1, 0.2)
"""How far along a direction without curvature the loss is looked at (embeddings have norm one)."""


@dataclass(frozen=True)
class Point:
    """A loss at given embeddings.

    `word` is "minimum", "maximum" (both up to symmetries), "saddle", "flat", "minimum, not isolated", "not a
    minimum" (a maximum, or a saddle), "undecided", "not stationary", "kink" or "not defined". `negative`,
    `zero` and `positive` count eigenvalues; `symmetric` says how many of the zeros come from symmetries.
    """

    word: str
    loss: float
    gradient: float
    negative: int = 0
    zero: int = 0
    positive: int = 0
    symmetric: int = 0
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def is_minimum(self) -> bool:
        return self.word.startswith("minimum")


def tangents(z: Tensor, trained: Tensor | None = None, normalised: bool = True) -> Tensor:
    """An orthonormal basis, shape (N d, q), of the directions in which the embeddings z (N, d) may move.

    Args:
        trained: the rows that get a gradient, a mask (N,); all by default.
        normalised: only directions orthogonal to each row itself, q = N (d - 1).
    """
    blocks = []
    for i, row in enumerate(z):
        frame = torch.eye(z.shape[1], dtype=z.dtype)
        if normalised:
            frame = torch.linalg.qr(torch.cat([row.unsqueeze(1), frame], dim=1)).Q[:, 1:]  # (d, d - 1)
        if trained is None or trained[i]:
            block = torch.zeros(*z.shape, frame.shape[1], dtype=z.dtype)
            block[i] = frame
            blocks.append(block.flatten(0, 1))  # (N d, d - 1) or (N d, d)
    return torch.cat(blocks, dim=1)


def gradient(loss: Loss, z: Tensor) -> Tensor:
    """The gradient (N, d) of the loss at z (N, d)."""
    leaf = z.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(leaf), leaf)
    return g


def hessian(loss: Loss, z: Tensor, basis: Tensor) -> Tensor:
    """The Hessian (q, q) in an orthonormal basis (N d, q).

    At a stationary point of a loss that normalises its embeddings, and for embeddings of norm one, this is
    the Riemannian Hessian on the product of spheres.
    """
    full = torch.autograd.functional.hessian(loss, z).reshape(z.numel(), z.numel())
    return basis.T @ full @ basis


def symmetries(loss: Loss, z: Tensor, seed: int = 0) -> Tensor:
    """Directions (N d, s), not independent, in which a symmetry of the loss moves z (N, d).

    Tried: rotations of all embeddings, a shift of all along each axis or of either half of the rows (a view),
    and a dimension's change of scale, in all or in a view. One counts where the loss stays as it is, here and
    at two random places.
    """
    generator = torch.Generator().manual_seed(seed)
    places = [z, *torch.randn(2, *z.shape, generator=generator, dtype=z.dtype)]
    n, d = z.shape
    views = [
        torch.ones(n, 1),
        torch.arange(n).lt(n // 2).unsqueeze(1),
        torch.arange(n).ge(n // 2).unsqueeze(1),
    ]
    moves: list[Callable[[Tensor, float], Tensor]] = []
    for k in range(d):
        for rows in views:
            where = rows.to(z.dtype) * torch.eye(d, dtype=z.dtype)[k]  # (n, d)
            moves += [partial(_shift, where), partial(_scale, where)]
        for other in range(k):
            turn = torch.zeros(d, d, dtype=z.dtype)
            turn[k, other], turn[other, k] = 1, -1
            moves.append(partial(_turn, turn))
    kept = [m for m in moves if all(abs(_change(loss, x, m(x, 0.3))) < 1e-9 for x in places)]
    step = 1e-6
    found = [((m(z, step) - m(z, -step)) / (2 * step)).flatten() for m in kept]
    return torch.stack(found, dim=1) if found else z.new_zeros(z.numel(), 0)


def _shift(where: Tensor, z: Tensor, t: float) -> Tensor:
    return z + t * where


def _scale(where: Tensor, z: Tensor, t: float) -> Tensor:
    return z * (t * where).exp()


def _turn(generator: Tensor, z: Tensor, t: float) -> Tensor:
    return z @ torch.matrix_exp(t * generator)


def classify(
    loss: Loss, z: Tensor, *, normalised: bool = True, trained: Tensor | None = None, seed: int = 0
) -> Point:
    """The kind of point that the loss has at z (N, d), float64, rows of norm one if `normalised`.

    Args:
        loss: see `Loss`.
        normalised: whether the loss sees directions only; then the radial directions are left out.
        trained: rows that get a gradient, a mask (N,); all by default.
        seed: of the random directions that are tried.
    """
    value = float(loss(z))
    g = gradient(loss, z)
    size = float(g.norm())
    basis = tangents(z, trained, normalised)
    if not torch.isfinite(torch.tensor([value, size])).all():
        return Point("not defined", value, size)
    if not basis.shape[1]:
        return Point("flat", value, size)  # d = 1: there is nowhere to go
    generator = torch.Generator().manual_seed(seed)
    if _kink(loss, z, g, basis, generator):
        return Point("kink", value, size)
    if size > GRADIENT_TOLERANCE * (1 + abs(value)):
        return Point("not stationary", value, size)
    h = hessian(loss, z, basis)
    if not torch.isfinite(h).all():
        return Point("not defined", value, size)
    eigenvalues, vectors = torch.linalg.eigh((h + h.T) / 2)
    nothing = max(EIGENVALUE_TOLERANCE * float(eigenvalues.abs().max()), 1e-10)
    kernel = basis @ vectors[:, eigenvalues.abs() <= nothing]  # (N d, zero)
    negative, positive = int((eigenvalues < -nothing).sum()), int((eigenvalues > nothing).sum())
    orbit = symmetries(loss, z, seed)
    symmetric = int(torch.linalg.matrix_rank(kernel.T @ orbit, atol=1e-6)) if orbit.numel() else 0
    return Point(
        _word(loss, z, negative, positive, kernel, symmetric, generator),
        value,
        size,
        negative,
        kernel.shape[1],
        positive,
        symmetric,
        float(eigenvalues[0]),
        float(eigenvalues[-1]),
    )


def _word(
    loss: Loss,
    z: Tensor,
    negative: int,
    positive: int,
    kernel: Tensor,
    symmetric: int,
    generator: torch.Generator,
) -> str:
    """Decide by second order; where that leaves directions that no symmetry explains, look along them."""
    if negative and positive:
        return "saddle"
    if kernel.shape[1] == symmetric and (negative or positive):
        return "maximum" if negative else "minimum"
    changes = []
    for _ in range(32):
        way = kernel @ torch.randn(kernel.shape[1], generator=generator, dtype=z.dtype)
        way = way.reshape(z.shape) / way.norm()
        changes += [_change(loss, z, z + t * way) for t in STEPS]
    falls, rises = min(changes) < -CHANGE_TOLERANCE, max(changes) > CHANGE_TOLERANCE
    if falls or negative:
        return "saddle" if rises or positive else "not a minimum"
    if rises:
        return "undecided"  # no direction tried goes down, which proves nothing
    return "minimum, not isolated" if positive else "flat"


def _change(loss: Loss, z: Tensor, there: Tensor) -> float:
    """Loss at `there` less loss at z, in units of 1 + |loss at z|."""
    before = float(loss(z))
    return (float(loss(there)) - before) / (1 + abs(before))


def _kink(loss: Loss, z: Tensor, g: Tensor, basis: Tensor, generator: torch.Generator) -> bool:
    """Whether the gradient jumps: near z it does not come closer to its value at z as the distance shrinks."""
    way = (basis @ torch.randn(basis.shape[1], generator=generator, dtype=z.dtype)).reshape(z.shape)
    far, near = (float((gradient(loss, z + t * way) - g).norm()) for t in (1e-5, 1e-7))
    return near > 0.5 * far and far > 1e-6
