"""Losses on the statistics of the dimensions over a batch. They are not losses of the cosine similarity."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ssllib.errors import in_range
from ssllib.losses.common import check_pair, product, wide


def vicreg(
    z1: Tensor,
    z2: Tensor,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    eps: float = 1e-4,
) -> Tensor:
    r"""Variance-invariance-covariance regularisation, as the official code weighs it.

    $$L = \lambda \frac{1}{nd} \sum_i \|z_i - z_i'\|^2 + \frac{\mu}{2} (v(Z) + v(Z')) + \nu (c(Z) + c(Z'))$$
    $$v(Z) = \frac{1}{d} \sum_k \max\Bigl(0, 1 - \sqrt{\mathrm{Var}(z_{\cdot k}) + \epsilon}\Bigr), \qquad
      c(Z) = \frac{1}{d} \sum_{k \neq l} \mathrm{Cov}(z_{\cdot k}, z_{\cdot l})^2$$

    Var and Cov divide by n - 1. The paper's Eq. 6 does not halve the variance terms, nor its Eq. 5 divide
    the invariance by d; the code does both. Nothing is normalised: the loss has a scale of its own.

    Args:
        z1, z2: the two views' embeddings, shape (n, d), n >= 2.
        invariance, variance, covariance: the weights $\lambda$, $\mu$, $\nu$, not negative.
        eps: positive; keeps the gradient of the root finite at collapse.

    Returns:
        A scalar. At collapse it is `variance` times 1 - sqrt(eps).

    Source: Bardes et al. 2022, Eq. 1 to 6; `main_vicreg.py` of facebookresearch/vicreg.
    """
    check_pair(z1, z2, least=2)
    for name, value in (("invariance", invariance), ("variance", variance), ("covariance", covariance)):
        in_range(name, value, 0, 1e6)
    in_range("eps", eps, 0, 1, open_low=True)
    a, b = wide(z1), wide(z2)
    loss = invariance * F.mse_loss(a, b)
    for z in (a, b):
        z = z - z.mean(dim=0)
        spread = (z.var(dim=0) + eps).sqrt()  # (d,)
        cov = product(z.T, z) / (len(z) - 1)  # (d, d)
        loss = loss + variance * F.relu(1 - spread).mean() / 2
        loss = loss + covariance * _off_diagonal(cov) / z.shape[1]
    return loss


def barlow_twins(z1: Tensor, z2: Tensor, lambd: float = 5e-3, eps: float = 1e-5) -> Tensor:
    r"""Barlow Twins: the two views' cross-correlation over the batch should be the identity.

    $$L = \sum_k (1 - C_{kk})^2 + \lambda \sum_{k \neq l} C_{kl}^2$$

    with C the correlation of dimension k of one view with dimension l of the other. As in the official code
    each dimension is standardised by a batch norm without parameters, whose `eps` the paper does not have:
    apart from it, rescaling a dimension changes nothing (rescaling one sample does).

    Args:
        z1, z2: the two views' embeddings, shape (n, d), n >= 2.
        lambd: weight of the off-diagonal terms, not negative (the paper's 5e-3; 0.0051 in its code).
        eps: added to the variances, positive. It matters where they are of its size.

    Returns:
        A scalar. At collapse (all embeddings equal) it is d.

    Source: Zbontar et al. 2021, Eq. 1 and 2; `main.py` of facebookresearch/barlowtwins.
    """
    check_pair(z1, z2, least=2)
    in_range("lambd", lambd, 0, 1e6)
    in_range("eps", eps, 0, 1, open_low=True)
    c = product(_standardised(z1, eps).T, _standardised(z2, eps)) / len(z1)  # (d, d)
    return (1 - c.diagonal()).square().sum() + lambd * _off_diagonal(c)


def _standardised(z: Tensor, eps: float) -> Tensor:
    """Each dimension of `z` (n, d) with zero mean and unit variance over the batch."""
    z = wide(z)
    return (z - z.mean(dim=0)) / (z.var(dim=0, correction=0) + eps).sqrt()


def _off_diagonal(matrix: Tensor) -> Tensor:
    """The sum of the squares of the entries (d, d) off the diagonal."""
    return matrix.square().fill_diagonal_(0).sum()
