"""Losses of self-supervised learning as pure functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.errors import InputError, in_range


def info_nce(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    r"""InfoNCE over all other samples of the batch (SimCLR's NT-Xent), the mean over the 2n anchors.

    $$L = \frac{1}{2n}\sum_i -\log \frac{\exp(\hat z_i^\top \hat z_{j(i)} / \tau)}
                                        {\sum_{k \neq i} \exp(\hat z_i^\top \hat z_k / \tau)}$$

    Args:
        z1, z2: the two views' embeddings, shape (n, d), row i of one the positive of row i of the other;
            not normalised (this function does).
        temperature: tau > 0.

    Returns:
        A scalar. At collapse (all embeddings equal) it is log(2n - 1).

    Source: 2406.16468 and 2502.09252 Eq. 1 (with tau = 1, per anchor); 2403.18699 Eq. 1 (a sum).
    """
    _check_pair(z1, z2)
    in_range("temperature", temperature, 0, 1e6, open_low=True)
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]).float(), dim=1)  # (2n, d)
    logits = z @ z.T / temperature  # (2n, 2n)
    logits.fill_diagonal_(float("-inf"))
    positive = torch.arange(2 * n, device=z.device).roll(n)  # i <-> i + n
    return F.cross_entropy(logits, positive)


def _check_pair(z1: Tensor, z2: Tensor) -> None:
    if z1.ndim != 2 or z1.shape != z2.shape:
        raise InputError(
            f"the two views have shapes {tuple(z1.shape)} and {tuple(z2.shape)}; allowed: two tensors (n, d)"
        )
