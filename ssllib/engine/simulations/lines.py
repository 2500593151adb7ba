"""Measures of lines: how near embeddings are to one line, and how far apart the lines of clusters are."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssllib.errors import InputError


def rank1_share(z: Tensor) -> float:
    """The share of the squared length of the rows of z (n, d) that lies along their first singular direction.

    From 1 / min(n, d) to 1. Nothing is subtracted or normalised first: a line is one through the origin.
    """
    s2 = torch.linalg.svdvals(z.double()).square()
    if not s2.sum() > 0:
        raise InputError("the embeddings are all zero; allowed: at least one that is not")
    return float(s2[0] / s2.sum())


def axes(z: Tensor, y: Tensor) -> Tensor:
    """Each cluster's axis, its embeddings' first right singular vector: (k, d) unit rows for y in 0 ... k - 1."""
    return torch.stack([torch.linalg.svd(z[y == c].double()).Vh[0] for c in range(int(y.max()) + 1)])


def separation(a: Tensor) -> float:
    """The smallest angle in degrees, from 0 to 90, between two of the unit vectors a (k, d), taken as axes."""
    angles = []
    for i in range(len(a)):
        for j in range(i):
            cosine = a[i] @ a[j]
            sine = (a[i] - cosine * a[j]).norm()  # exact where the arc cosine is not, near 0
            angles.append(math.degrees(math.atan2(float(sine), abs(float(cosine)))))
    return min(angles)


def measures(z: Tensor, y: Tensor) -> dict[str, float]:
    """All final numbers of the embeddings z (2n, 3) of n points and, in the same order, of their partners.

    `rank1_share` and `separation` are the claims' metrics. Beside them: `rank1_share_unit` and
    `separation_unit` (the same of the embeddings' directions), `rank1_share_centred` (of the embeddings less
    their mean); `cluster_share`, the mean over the clusters of each one's own rank-1 share; `nearest_axis`, the
    share of the embeddings whose nearest axis is their own cluster's; `pair_cosine`, the mean cosine of a point
    and its partner; `mean_direction`, the length of the mean direction (1: all are one point).
    """
    clusters = torch.cat([y, y])
    z = z.double()
    u = z / z.norm(dim=1, keepdim=True).clamp(min=1e-300)
    own = axes(z, clusters)
    return {
        "rank1_share": rank1_share(z),
        "separation": separation(own),
        "rank1_share_unit": rank1_share(u),
        "separation_unit": separation(axes(u, clusters)),
        "rank1_share_centred": rank1_share(z - z.mean(0)),
        "cluster_share": sum(rank1_share(z[clusters == c]) for c in range(len(own))) / len(own),
        "nearest_axis": float(((u @ own.T).abs().argmax(1) == clusters).double().mean()),
        "pair_cosine": float((u[: len(y)] * u[len(y) :]).sum(1).mean()),
        "mean_direction": float(u.mean(0).norm()),
    }


def neighbours(z: Tensor, y: Tensor, k: int = 10) -> Tensor:
    """How well the clusters can be told apart: the share (2n,) of each embedding's neighbours of its own cluster.

    Of the k embeddings with the largest cosine, itself and its partner left out; z (2n, d) are n points and, in
    the same order, their partners, y (n,) the clusters. 1 is perfect, guessing one over the number of clusters.
    """
    n = len(y)
    u = torch.nn.functional.normalize(z.double(), dim=1)
    cosine = u @ u.T  # (2n, 2n)
    own = torch.arange(2 * n)
    cosine[own, own] = cosine[own, own.roll(n)] = -torch.inf
    clusters = torch.cat([y, y])
    nearest = cosine.topk(k, dim=1).indices  # (2n, k)
    return (clusters[nearest] == clusters[:, None]).double().mean(1)
