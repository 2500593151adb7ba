"""Embedding norms and what else one batch of embeddings tells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ssllib.errors import InputError, in_range, one_of, whole
from ssllib.losses.common import check_pair, product, unit
from ssllib.monitor import NormMonitor

__all__ = [
    "SCALES", "NormBins", "NormMonitor", "alignment", "auroc", "effective_rank", "extremes", "norm_bins",
    "norm_statistics", "pair_cosines", "ranks", "spearman", "spherical_variance", "uniformity", "variance",
]  # fmt: skip


def _batch(z: Tensor, what: str) -> Tensor:
    """`z` in float32; an `InputError` unless it is (n, d) with n and d at least 1."""
    if z.ndim != 2 or not z.numel():
        raise InputError(f"{what} of a tensor of shape {tuple(z.shape)}; allowed: (n, d), n and d at least 1")
    return z.float()


def norm_statistics(z: Tensor) -> dict[str, float]:
    """Mean, standard deviation (nan for one embedding), minimum and maximum of the norms of embeddings (n, d)."""
    n = torch.linalg.vector_norm(_batch(z, "norms"), dim=-1)
    std = float(n.std()) if len(n) > 1 else math.nan
    return {"mean": float(n.mean()), "std": std, "min": float(n.min()), "max": float(n.max())}


def pair_cosines(z1: Tensor, z2: Tensor) -> Tensor:
    """Cosines (n,) between the rows of two (n, d) tensors; 0 with a zero vector."""
    check_pair(z1, z2, least=0, names="the rows")
    return (unit(z1.float()) * unit(z2.float())).sum(dim=1)


def effective_rank(z: Tensor) -> float:
    """exp of the entropy of the normalised singular values of embeddings (n, d) (Roy and Vetterli 2007).

    The mean is taken off first. 1 where all are equal, nan where an embedding is not finite; no scale matters.
    """
    z = _batch(z, "effective rank")
    if not bool(z.isfinite().all()):
        return math.nan
    largest = z.abs().max()
    if not 1e-12 < float(largest) < 1e12 and float(largest) > 0:  # squares and sums would leave float32
        z = z / largest
    z = z - z.mean(dim=0)
    s = torch.linalg.svdvals(z)
    p = s / s.sum().clamp_min(1e-30)
    return float(torch.exp(-(p * torch.log(p.clamp_min(1e-30))).sum()))


def variance(z: Tensor) -> float:
    """Sum over the dimensions of the variance (over n, not n - 1) of embeddings (n, d) (2403.18699, section 5)."""
    return float(_batch(z, "variance").var(dim=0, correction=0).sum())


def spherical_variance(z: Tensor) -> float:
    """1 - ||mean of the unit vectors||^2 of embeddings (n, d): 0 when all point one way, 1 when they balance."""
    return float(1 - unit(_batch(z, "spherical variance")).mean(dim=0).square().sum())


def alignment(z1: Tensor, z2: Tensor, power: float = 2.0) -> float:
    """Mean distance to the `power` between the unit vectors of positive pairs, rows of two (n, d) tensors.

    For power 2 this is 2 - 2 * mean cosine (Wang and Isola 2020); 0 is perfect.
    """
    check_pair(z1, z2, names="the positive pairs")
    in_range("power of alignment", power, 0, 100, open_low=True)
    between = unit(z1.float()) - unit(z2.float())
    return float(torch.linalg.vector_norm(between, dim=1).pow(power).mean())


def uniformity(z: Tensor, t: float = 2.0, *, chunk: int = 2048) -> float:
    """log of the mean over pairs i != j of exp(-t ||u_i - u_j||^2), u the unit vectors of (n, d) embeddings.

    0 when all are equal; about -2 t when spread over a sphere of many dimensions (Wang and Isola 2020).
    """
    z = _batch(z, "uniformity")
    if len(z) < 2:
        raise InputError(f"uniformity of {len(z)} embeddings; allowed: at least 2")
    in_range("t of uniformity", t, 0, 1e6, open_low=True)
    whole("chunk", chunk, 1, 2**31)
    u = unit(z)
    sums, start = [], 0
    for part in u.split(chunk):
        e = 2 * t * (product(part, u.T) - 1).clamp_max(0)  # (chunk, n): -t ||u_i - u_j||^2
        e.diagonal(start).fill_(-torch.inf)
        sums.append(torch.logsumexp(e.flatten().double(), dim=0))
        start += len(part)
    return float(torch.logsumexp(torch.stack(sums), dim=0)) - math.log(len(u) * (len(u) - 1))


@dataclass
class NormBins:
    """What embeddings of similar norm have in common; one entry for each bin with enough of them."""

    centre: Tensor  # (b,) of the bin, as a share of the scale
    count: Tensor  # (b,) embeddings
    mean: Tensor  # (b,) of the values asked about, e.g. percent of correct predictions

    @property
    def trend(self) -> float:
        """Spearman's rank correlation of norm and mean over the bins; nan for fewer than two."""
        return spearman(self.centre, self.mean)


SCALES = ("maximum", "min-max")


def norm_bins(
    norms: Tensor, values: Tensor, *, scale: str = "maximum", width: float = 0.05, above: int = 50
) -> NormBins:
    """Mean of `values` (n,) over embeddings whose norms (n,) fall in one bin (2502.09252, Figure 4).

    Args:
        scale: `maximum`, norms over the largest (the text); `min-max`, from the smallest to the largest (the
            released code).
        width: of a bin, as a share of the scale; 1 / width is a whole number. The largest norm is in the last.
        above: only bins with more embeddings than this are kept.

    Raises:
        InputError: if shapes do not match, a norm is not finite, or an argument is out of range.
    """
    one_of("scale of norms", scale, SCALES)
    in_range("width of a bin", width, 1e-6, 1)
    in_range("above", above, 0, 1e18)
    if norms.ndim != 1 or norms.shape != values.shape or not len(norms):
        raise InputError(f"norms {tuple(norms.shape)} and values {tuple(values.shape)} do not fit; allowed: (n,) each")
    x, bins = norms.double(), round(1 / width)
    if abs(bins * width - 1) > 1e-6:
        raise InputError(f"width of a bin is {width:g}; allowed: 1 over a whole number")
    _finite(x, "norms")
    base = x.min() if scale == "min-max" else torch.zeros_like(x[0])
    share = (x - base) / (x.max() - base).clamp_min(1e-300)
    index = (share * bins).floor().long().clamp(0, bins - 1)
    count = torch.bincount(index, minlength=bins)
    total = torch.zeros(bins, dtype=torch.float64, device=x.device).scatter_add_(0, index, values.double())
    kept = count > above
    centre = (torch.arange(bins, device=x.device, dtype=torch.float64) + 0.5) / bins
    return NormBins(centre[kept], count[kept], total[kept] / count[kept])


def _finite(x: Tensor, what: str) -> None:
    bad = int((~x.isfinite()).sum())
    if bad:
        raise InputError(f"{bad} of {len(x)} {what} are not finite; allowed: finite numbers")


def ranks(x: Tensor) -> Tensor:
    """Ranks 1..n of the entries of (n,), equal ones sharing their mean rank; float64. All nan if one is nan."""
    if x.ndim != 1:
        raise InputError(f"ranks of a tensor of shape {tuple(x.shape)}; allowed: (n,)")
    if bool(x.isnan().any()):
        return torch.full(x.shape, math.nan, dtype=torch.float64, device=x.device)
    _, group, count = torch.unique(x, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count - 1) / 2)[group]


def spearman(x: Tensor, y: Tensor) -> float:
    """Spearman's rank correlation of two (n,) tensors, ties with mean ranks; nan if either is constant or has a nan."""
    if x.shape != y.shape:
        raise InputError(f"rank correlation of shapes {tuple(x.shape)} and {tuple(y.shape)}; allowed: (n,) each")
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt())


def auroc(positive: Tensor, negative: Tensor) -> float:
    """Chance that a score of `positive` (n,) is over one of `negative` (m,), ties counting one half.

    nan if a score is. With norms of known and of other images this is the AUROC of the norm as a sign of novelty:
    over 0.5 when the other images have the smaller norms (2502.09252, section 5).
    """
    if positive.ndim != 1 or negative.ndim != 1:
        raise InputError(f"AUROC of shapes {tuple(positive.shape)} and {tuple(negative.shape)}; allowed: (n,) and (m,)")
    n, m = len(positive), len(negative)
    if not n or not m:
        raise InputError(f"AUROC of {n} against {m} scores; allowed: at least one of each")
    r = ranks(torch.cat([positive.double(), negative.double()]))[:n].sum()
    return float((r - n * (n + 1) / 2) / (n * m))


def extremes(norms: Tensor, labels: Tensor, classes: int, count: int = 10) -> tuple[Tensor, Tensor]:
    """Indices (classes, count) of the images with the lowest and with the highest norms of each class.

    Both in rising order of the norm. Source: 2502.09252, Figure S6.

    Raises:
        InputError: if a class has fewer than `count` images, a norm is not finite, or a label is out of range.
    """
    classes, count = whole("classes", classes, 1, 10**7), whole("count of images", count, 1, 10**6)
    if norms.ndim != 1 or norms.shape != labels.shape or labels.is_floating_point():
        raise InputError(
            f"norms {tuple(norms.shape)} and labels {tuple(labels.shape)} of {labels.dtype} do not fit; allowed: (n,) "
            "each, whole labels"
        )
    _finite(norms, "norms")
    labels = labels.long()
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise InputError(f"labels from {int(labels.min())} to {int(labels.max())}; allowed: from 0 to {classes - 1}")
    sizes = torch.bincount(labels, minlength=classes)
    if int(sizes.min()) < count:
        raise InputError(f"class {int(sizes.argmin())} has {int(sizes.min())} images; allowed: at least {count}")
    order = norms.argsort(stable=True)
    order = order[labels[order].argsort(stable=True)]  # class 0 by norm, then class 1, ...
    ends = sizes.cumsum(0)[:, None]
    place = torch.arange(count, device=norms.device)
    return order[ends - sizes[:, None] + place], order[ends - count + place]
