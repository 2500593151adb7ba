"""`shapes`: small colour images made on the spot, so that every page runs without a download.

The class of an image is the pattern it shows: wide or narrow bars (upright or lying), a chequerboard, dots,
rings, or diagonals. Colours, contrast, which of the two colours is the ground, place, zoom, tilt and noise
are nuisances: they mislead a comparison of pixels, and SimCLR's augmentations teach a network to ignore
them. Two patterns can be blended (`ambiguity`); simulated annotators then disagree as people do. `others` shows
four further patterns under the same nuisances: data that are not of the classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ssllib.engine.data import ImageSet
from ssllib.errors import in_range, whole

NAMES = ("wide bars", "narrow bars", "wide rows", "narrow rows", "chequers", "dots", "rings", "diagonals")
OTHERS = ("rays", "spirals", "crosses", "clouds")
SIZE = 32


def _pattern(kind: int, x: Tensor, y: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Brightness in [-1, 1] of one pattern at the places `x`, `y` (n, h, w), with phases `p`, `q` (n, 1, 1)."""
    if kind < 4:
        along, phase = (x, p) if kind < 2 else (y, q)
        return torch.sin((6, 14)[kind % 2] * along + phase)
    waves = torch.sin(9 * x + p) * torch.sin(9 * y + q)
    if kind == 4:
        return torch.sign(waves)
    if kind == 5:
        return 2 * (waves > 0.35).float() - 1
    if kind == 6:
        return torch.sin(12 * torch.hypot(x, y) + p)
    return torch.sin(8 * (x + y) + p)


def _other_pattern(kind: int, x: Tensor, y: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """As `_pattern`, for the kinds of `OTHERS`."""
    if kind < 2:
        return torch.sin(5 * torch.atan2(y, x) + p + 10 * kind * torch.hypot(x, y))
    if kind == 2:
        return 2 * ((x.abs() < 0.25) | (y.abs() < 0.25)).float() - 1
    return (torch.sin(3 * x + 2 * y + p) + torch.sin(4 * y - 3 * x + q) + torch.sin(6 * x - y + p - q)) / 2


def shapes(n: int, seed: int = 0, *, ambiguity: float = 0.0) -> ImageSet:
    """`n` images (n, 3, 32, 32) with labels 0..7 in turn; see `shapes_with_blend`."""
    return shapes_with_blend(n, seed, ambiguity=ambiguity)[0]


def shapes_with_blend(n: int, seed: int = 0, *, ambiguity: float = 0.0) -> tuple[ImageSet, Tensor, Tensor]:
    """As `shapes`, with each image's second pattern (n,) and its share (n,), uniform in [0, ambiguity / 2].

    Raises:
        InputError: if `n` or `ambiguity` (0 to 1) is out of range.
    """
    in_range("ambiguity", ambiguity, 0, 1)
    n = whole("number of images", n, 1, 10**6)
    g = torch.Generator().manual_seed(seed)
    k = len(NAMES)
    label = torch.arange(n) % k
    other = (label + torch.randint(1, k, (n,), generator=g)) % k
    share = _uniform(g, 0, ambiguity / 2, n)
    frame = _frame(n, g)
    light = _drawn(label, _pattern, frame, 1 - share) + _drawn(other, _pattern, frame, share)
    return ImageSet(_coloured(light, g), label, k), other, share


def others(n: int, seed: int = 0) -> ImageSet:
    """`n` images (n, 3, 32, 32) of the patterns `OTHERS`, labels 0..3 in turn, under the nuisances of `shapes`.

    Raises:
        InputError: if `n` is out of range.
    """
    n = whole("number of images", n, 1, 10**6)
    g = torch.Generator().manual_seed(seed)
    label = torch.arange(n) % len(OTHERS)
    light = _drawn(label, _other_pattern, _frame(n, g), torch.ones(n))
    return ImageSet(_coloured(light, g), label, len(OTHERS))


Frame = tuple[Tensor, Tensor, Tensor, Tensor]
"""Each image's coordinates `u`, `v` (n, h, w), after place, zoom and tilt, and its phases `p`, `q` (n, 1, 1)."""


def _uniform(g: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=g) * (high - low) + low


def _frame(n: int, g: torch.Generator) -> Frame:
    line = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    zoom, tilt = _uniform(g, 0.5, 1.5, n, 1, 1), _uniform(g, -0.3, 0.3, n, 1, 1)
    u, v = (x - _uniform(g, -0.3, 0.3, n, 1, 1)) / zoom, (y - _uniform(g, -0.3, 0.3, n, 1, 1)) / zoom
    u, v = u * tilt.cos() - v * tilt.sin(), u * tilt.sin() + v * tilt.cos()
    return u, v, _uniform(g, 0, 2 * math.pi, n, 1, 1), _uniform(g, 0, 2 * math.pi, n, 1, 1)


def _drawn(which: Tensor, pattern: Callable[..., Tensor], frame: Frame, weight: Tensor) -> Tensor:
    """Brightness (n, h, w) of the patterns `which` (n,), each times its `weight` (n,)."""
    light = torch.zeros_like(frame[0])
    for kind in range(int(which.max()) + 1):
        m = which == kind
        light[m] = weight[m, None, None] * pattern(kind, *(part[m] for part in frame))
    return light


def _coloured(light: Tensor, g: torch.Generator) -> Tensor:
    """Bytes (n, 3, h, w) of brightness (n, h, w) in random colours and contrast, with noise."""
    n = len(light)
    ground, tint = _uniform(g, 0.2, 0.8, n, 3, 1, 1), _uniform(g, 0.5, 1, n, 3, 1, 1)
    contrast = _uniform(g, 0.15, 0.5, n, 1, 1, 1) * torch.sign(_uniform(g, -1, 1, n, 1, 1, 1))
    images = ground + contrast * tint * light[:, None] + torch.randn(n, 3, SIZE, SIZE, generator=g) * 0.1
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def annotate(label: Tensor, other: Tensor, share: Tensor, annotators: int = 50, seed: int = 0) -> Tensor:
    """Votes (n, 8) of simulated annotators, each of whom names the second pattern with probability `share`."""
    whole("annotators", annotators, 1, 10**6)
    g = torch.Generator().manual_seed(seed)
    second = (torch.rand(len(label), annotators, generator=g) < share[:, None]).sum(dim=1)
    votes = torch.zeros(len(label), len(NAMES), dtype=torch.int64)
    votes.scatter_add_(1, label[:, None], (annotators - second)[:, None])
    votes.scatter_add_(1, other[:, None], second[:, None])
    return votes
