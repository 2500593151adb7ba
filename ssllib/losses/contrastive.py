"""Contrastive losses of two views: InfoNCE, its halves, its released variant, DCL; and the triplet loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.errors import in_range
from ssllib.losses.common import check_pair, check_temperature, diagonal, product, unit


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
    logits = _other_samples(z1, z2, temperature)  # (2n, 2n)
    n = len(z1)
    positive = torch.arange(2 * n, device=logits.device).roll(n)  # i <-> i + n
    return F.cross_entropy(logits, positive)


def info_nce_attraction(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    r"""The attractive half of `info_nce`: the mean of $-\hat z_i^\top \hat z_{j(i)} / \tau$ over the anchors.

    Arguments as for `info_nce`; `info_nce_attraction + info_nce_repulsion` is `info_nce`. Unlike in
    `negative_cosine`, the gradient reaches both views.

    Source: $\mathcal L^A$ of 2406.16468 and 2502.09252, Eq. 1 (with tau = 1).
    """
    check_pair(z1, z2)
    check_temperature(temperature)
    return -(unit(z1) * unit(z2)).sum(dim=1).mean() / temperature


def info_nce_repulsion(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    r"""The repulsive half of `info_nce`: the mean of $\log S_i$ over the 2n anchors.

    $$S_i = \sum_{k \neq i} \exp(\hat z_i^\top \hat z_k / \tau)$$

    Arguments as for `info_nce`. The sum holds the positive too, as the papers print it.

    Source: $\mathcal L^R$ of 2406.16468 and 2502.09252, Eq. 1 (with tau = 1).
    """
    return _other_samples(z1, z2, temperature).logsumexp(dim=1).mean()


def info_nce_released(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    r"""What the code released with 2502.09252 computes in the place of `info_nce`.

    $$L = \frac{1}{n}\sum_i \Bigl( -\hat a_i^\top \hat b_i / \tau
                                   + \log \sum_{k \neq i} \exp(\hat a_i^\top \hat b_k / \tau) \Bigr)$$

    with a and b for the two views: only the first view's samples are anchors, only the second view's are
    repelled, and the positive is left out of the denominator. The released code takes `exp` and `log` one
    after the other; here it is one log-sum-exp, which a low temperature does not overflow.

    Args:
        z1, z2, temperature: as for `info_nce`, with n >= 2.

    Returns:
        A scalar. At collapse it is log(n - 1).

    Source: `nt_xent` in `CLA/utils/losses.py` of the repository Andrew-Draganov/SSLEmbeddingNorms.
    """
    check_pair(z1, z2, least=2)
    check_temperature(temperature)
    logits = product(unit(z1), unit(z2).T) / temperature  # (n, n): anchors of view 1, samples of view 2
    negatives = logits.masked_fill(diagonal(len(z1), logits), float("-inf"))
    return (negatives.logsumexp(dim=1) - logits.diagonal()).mean()


def dcl(z1: Tensor, z2: Tensor, temperature: float = 0.1) -> Tensor:
    r"""Decoupled contrastive loss: InfoNCE without the positive in the denominator, mean over 2n anchors.

    $$L = \frac{1}{2n}\sum_i \Bigl( -\hat z_i^\top \hat z_{j(i)} / \tau
                                    + \log \sum_{k \neq i, j(i)} \exp(\hat z_i^\top \hat z_k / \tau) \Bigr)$$

    Args:
        z1, z2, temperature: as for `info_nce`, with n >= 2.

    Returns:
        A scalar. At collapse it is log(2n - 2).

    Source: Yeh et al. 2022, section 3, a sum over the anchors; their code adds the means of the two views, so
    that its value and gradient are twice these.
    """
    check_pair(z1, z2, least=2)
    logits = _other_samples(z1, z2, temperature)  # (2n, 2n)
    n = len(z1)
    negatives = logits.masked_fill(diagonal(n, logits).repeat(2, 2), float("-inf"))
    return negatives.logsumexp(dim=1).mean() - logits.diagonal(n).mean()


def triplet(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 0.2) -> Tensor:
    r"""The triplet loss on normalised embeddings, the mean over n triplets.

    $$L = \frac{1}{n}\sum_i \max\bigl(0,\; \|\hat a_i - \hat p_i\|^2 - \|\hat a_i - \hat n_i\|^2 + m\bigr)$$

    Args:
        anchor, positive, negative: shape (n, d); not normalised (this function does).
        margin: m, from 0 to 4. With 4, the largest difference there is, no triplet is ever switched off,
            and the gradient is that of the plain difference of 2502.09252's words.

    Returns:
        A scalar. At collapse it is the margin.

    Source: Schroff et al. 2015, section 3.1 (a sum, m = 0.2); 2502.09252, section 2.1 (no formula, no margin).
    """
    check_pair(anchor, positive, names="anchors and positives")
    check_pair(anchor, negative, names="anchors and negatives")
    in_range("margin", margin, 0, 4)
    a, p, n = unit(anchor), unit(positive), unit(negative)
    near, far = (a - p).square().sum(dim=1), (a - n).square().sum(dim=1)
    return F.relu(near - far + margin).mean()


def _other_samples(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """Logits (2n, 2n) of every sample against every other one; minus infinity against itself."""
    check_pair(z1, z2)
    check_temperature(temperature)
    z = unit(torch.cat([z1, z2]))  # (2n, d)
    return (product(z, z.T) / temperature).fill_diagonal_(float("-inf"))
