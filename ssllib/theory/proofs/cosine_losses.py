"""Which losses of `ssllib.losses` have gradients orthogonal to the embeddings, by autograd in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssllib import losses
from ssllib.theory.proofs.statements import Statement

ROUNDING = 1e-12
r"""Largest $|z^\top \nabla|$ that is rounding, as a part of the largest norm times gradient of the batch."""

Loss = Callable[[Tensor], Tensor]
"""A scalar of 12 embeddings (12, d): two views of six images, or three of four, or 12 of three classes."""

_CLASSES = torch.arange(12) % 3


def _views(f: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    return lambda z: f(*z.chunk(2))


def _triplets(margin: float) -> Loss:
    def f(z: Tensor) -> Tensor:
        anchor, positive, negative = z.chunk(3)
        return losses.triplet(anchor, positive, negative, margin)

    return f


COVERED: dict[str, Loss] = {
    "negative_cosine": _views(losses.negative_cosine),
    "info_nce": _views(losses.info_nce),
    "info_nce_attraction": _views(losses.info_nce_attraction),
    "info_nce_repulsion": _views(losses.info_nce_repulsion),
    "info_nce_released": _views(losses.info_nce_released),
    "dcl": _views(losses.dcl),
    "triplet": _triplets(0.2),
    "sup_con": lambda z: losses.sup_con(z, _CLASSES),
    "supervised_info_nce": lambda z: losses.supervised_info_nce(
        z, _CLASSES, generator=torch.Generator().manual_seed(0)
    ),
    "cloa_anchor": lambda z: losses.cloa_anchor(z, _CLASSES % z.shape[1], _anchors(z)),
}
UNCOVERED: dict[str, Loss] = {
    "vicreg": _views(losses.vicreg),
    "barlow_twins": _views(losses.barlow_twins),
}


def _anchors(z: Tensor) -> Tensor:
    return losses.orthonormal_anchors(min(3, z.shape[1]), z.shape[1])


def embeddings(d: int, seed: int, spread: float = 1.0) -> Tensor:
    """12 random embeddings (12, d) in float64, norms log-uniform from 10^-spread to 10^spread."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(12, d, generator=generator, dtype=torch.float64)
    size = 10 ** (spread * (2 * torch.rand(12, 1, generator=generator, dtype=torch.float64) - 1))
    return z / z.norm(dim=1, keepdim=True) * size


def radial(f: Loss, z: Tensor) -> tuple[Tensor, Tensor]:
    r"""$z_i^\top \nabla_i$ (n,), and $\|z_i\| \|\nabla_i\|$ (n,): both without a unit, as the loss has none.

    The first is how fast the loss changes as $\log \|z_i\|$ grows; zero for a loss of cosines.
    """
    leaf = z.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(f(leaf), leaf)
    return (leaf.detach() * g).sum(dim=1), leaf.detach().norm(dim=1) * g.norm(dim=1)


def largest_radial(f: Loss, d: int, seed: int, spread: float = 1.0) -> float:
    r"""Largest $|z_i^\top \nabla_i|$, as a part of the largest $\|z_i\| \|\nabla_i\|$ of the batch."""
    along, size = radial(f, embeddings(d, seed, spread))
    return float(along.abs().max() / size.max().clamp_min(1e-300))


def _tex(name: str) -> str:
    return name.replace("_", r"\_")


def covered(name: str, f: Loss, seed: int) -> Statement:
    """By autograd: the gradient of a loss has no part along any embedding, in 2, 3 and 64 dimensions."""
    found = {str(d): largest_radial(f, d, seed, spread=4) for d in (2, 3, 64)}
    wrong = {d: "a radial part" for d, x in found.items() if not x < ROUNDING}
    tex = rf"z_i^\top \nabla_i \, \text{{{_tex(name)}}} = 0"
    return Statement("covered", tex, not wrong, "autograd", wrong or None, role="added")


def uncovered(name: str, f: Loss, seed: int) -> Statement:
    """By autograd: the gradient of a loss has a part along some embedding, not rounding alone."""
    holds = all(largest_radial(f, d, seed) > 1e-3 for d in (2, 3, 64))
    tex = rf"z_i^\top \nabla_i \, \text{{{_tex(name)}}} \neq 0"
    return Statement("not covered", tex, holds, "autograd", role="added")
