"""CLOA: a few labelled embeddings are pulled to fixed orthonormal anchors, one per class."""

from __future__ import annotations

import torch
from torch import Tensor

from ssllib.errors import InputError, one_of, whole
from ssllib.losses.common import check_labels, unit


def orthonormal_anchors(k: int, d: int, seed: int = 0) -> Tensor:
    """The anchors of k classes in d dimensions: k orthonormal rows, in a uniformly random orientation.

    Args:
        k: number of classes, at least 1.
        d: dimension of the embeddings, at least k (more than d vectors are never orthogonal).
        seed: of the orientation, from 0 to 2^32 - 1; the same seed gives the same anchors.

    Returns:
        Shape (k, d), float32, on the CPU. They are constants, never trained.

    Source: 2403.18699, section 4. The authors' code takes them from a singular value decomposition of a
    Gaussian matrix; here they are its QR decomposition, with R's diagonal made positive.
    """
    d = whole("d of orthonormal anchors", d, 1, 10**6)
    k = whole("k of orthonormal anchors", k, 1, d)
    seed = whole("seed of orthonormal anchors", seed, 0, 2**32 - 1)
    gaussian = torch.randn(d, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)  # (d, k), (k, k)
    return (q * r.diagonal().sign()).T.contiguous().float()


def cloa_anchor(z: Tensor, y: Tensor, anchors: Tensor, reduction: str = "mean") -> Tensor:
    r"""The orthonormal anchor regression loss: $1 - \cos(z_i, c_{y_i})$ over the labelled samples.

    The paper prints a sum, beside an InfoNCE that is a sum too, and gives no weight. `info_nce` is a mean, so
    the default here is the mean, as in the authors' later code: the weight of the anchor term then depends
    neither on the batch size nor on how many labels a batch happens to hold. Two printed sums would weigh it
    by the number of labelled samples over that of anchors, |S| / 2n of this.

    Args:
        z: embeddings of the labelled samples, shape (n, d); not normalised (this function does).
        y: their classes, shape (n,), whole numbers of any width from 0 to k - 1.
        anchors: shape (k, d), from `orthonormal_anchors`.
        reduction: "mean", or "sum" as printed.

    Returns:
        A scalar, from 0 to 2 for the mean; zero, with a zero gradient, when no sample is labelled (n = 0).

    Source: 2403.18699 Eq. 2.
    """
    check_labels(z, y, least=0)
    one_of("reduction", reduction, ("mean", "sum"))
    if anchors.ndim != 2 or anchors.shape[1] != z.shape[1]:
        raise InputError(f"anchors have shape {tuple(anchors.shape)}; allowed: (k, {z.shape[1]})")
    if y.device.type == "cpu" and len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(anchors):
        raise InputError(
            f"labels from {int(y.min())} to {int(y.max())} with {len(anchors)} anchors; "
            f"allowed: from 0 to {len(anchors) - 1}"
        )  # on a GPU, looking would wait for it; index_select stops there at a label out of range
    u = unit(z)
    target = unit(anchors.to(u.dtype)).index_select(0, y.long())  # (n, d)
    total = (1 - (u * target).sum(dim=1)).sum()
    return total / max(len(z), 1) if reduction == "mean" else total
