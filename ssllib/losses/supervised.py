"""Contrastive losses whose positives are samples of the same class."""

from __future__ import annotations

import torch
from torch import Tensor

from ssllib.losses.common import check_labels, check_temperature, diagonal, product, unit


def supervised_info_nce(
    z: Tensor,
    y: Tensor,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    symmetric: bool = False,
) -> Tensor:
    r"""InfoNCE in which each anchor's positive is another sample of its class, drawn at random.

    $$L = \frac{1}{|A|}\sum_{i \in A} -\log \frac{\sum_{j \in J(i)} \exp(\hat z_i^\top \hat z_j / \tau)}
                                                 {\sum_{k \neq i} \exp(\hat z_i^\top \hat z_k / \tau)}$$

    A are the anchors that share their class with somebody. J(i) is one sample of i's class: "Each data point's
    positive pair is simply another data point from the same latent class" (2502.09252 B.2), drawn uniformly
    from the batch. The rest of the class stays in the denominator, as every k other than i does in Eq. 1.
    The mean over all draws is `sup_con`.

    Args:
        z: embeddings, shape (n, d), n >= 2; not normalised (this function does).
        y: labels, shape (n,), whole numbers.
        temperature: tau > 0; the papers have 1.
        generator: of the draw, on any device (torch's own for the device of `z` by default).
        symmetric: as the released notebook does: whoever draws i becomes a positive of i too, so that J(i)
            can hold several samples, whose terms are added in the numerator.

    Returns:
        A scalar; zero, with a zero gradient, when no two samples share a class. At collapse (all embeddings
        equal) it is log(n - 1) unless `symmetric`.

    Source: 2502.09252, section 4.2 with its footnote 2, and B.2; `attract_pairs_infonce_loss` of the released
    `Simulations.ipynb` for `symmetric`.
    """
    logits, same = _labelled(z, y, temperature)
    itself = diagonal(len(z), logits)
    shared = same.any(dim=1)
    weights = torch.where(shared.unsqueeze(1), same, itself).float()  # who is alone draws itself, uncounted
    where = generator.device if generator is not None else weights.device
    draw = torch.multinomial(weights.to(where), 1, generator=generator).to(weights.device)  # (n, 1)
    positive = torch.zeros_like(same).scatter(1, draw, True)
    if symmetric:
        positive = positive | positive.T
    numerator = logits.masked_fill(~positive, float("-inf")).logsumexp(dim=1)
    return _mean(_log_sum_of_others(logits) - numerator, shared)


def sup_con(z: Tensor, y: Tensor, temperature: float = 0.1) -> Tensor:
    r"""Supervised contrastive learning, $L^{\mathrm{sup}}_{\mathrm{out}}$, the mean over its anchors.

    $$L = \frac{1}{|A|}\sum_{i \in A} \frac{-1}{|P(i)|} \sum_{p \in P(i)}
          \log \frac{\exp(\hat z_i^\top \hat z_p / \tau)}{\sum_{k \neq i} \exp(\hat z_i^\top \hat z_k / \tau)}$$

    P(i) are the other samples of i's class and A the anchors that have any. For two views of each image give
    both, `torch.cat([z1, z2])`, with the labels twice; with as many classes as images it is then `info_nce`.

    Args:
        z: embeddings, shape (n, d), n >= 2; not normalised (this function does).
        y: labels, shape (n,), whole numbers.
        temperature: tau > 0.

    Returns:
        A scalar; zero, with a zero gradient, when no two samples share a class. At collapse log(n - 1).

    Source: Khosla et al. 2020, Eq. 2, who sum over the anchors; their code takes the mean, times the ratio
    of the temperature to a base temperature, which is left out here.
    """
    logits, same = _labelled(z, y, temperature)
    log_p = logits - _log_sum_of_others(logits).unsqueeze(1)
    count = same.sum(dim=1)
    return _mean(-(log_p * same).sum(dim=1) / count.clamp_min(1), count > 0)


def _labelled(z: Tensor, y: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Logits (n, n) of all pairs, the diagonal included, and the mask (n, n) of other samples of the class."""
    check_labels(z, y, least=2)
    check_temperature(temperature)
    u = unit(z)
    logits = product(u, u.T) / temperature
    return logits, (y.unsqueeze(1) == y) & ~diagonal(len(z), logits)


def _log_sum_of_others(logits: Tensor) -> Tensor:
    """The logarithm (n,) of the sum over k other than i."""
    return logits.masked_fill(diagonal(len(logits), logits), float("-inf")).logsumexp(dim=1)


def _mean(loss: Tensor, counted: Tensor) -> Tensor:
    """The mean of the entries of `loss` (n,) that are `counted` (n,); zero if there are none."""
    return (loss * counted).sum() / counted.sum().clamp_min(1)
