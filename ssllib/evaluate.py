"""k-NN evaluation of frozen features."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib.augment import to_float
from ssllib.datasets import ImageSet
from ssllib.errors import InputError, in_range


@torch.no_grad()
def knn_predict(
    bank: Tensor,
    labels: Tensor,
    queries: Tensor,
    k: int = 200,
    temperature: float | None = None,
    *,
    chunk: int = 2048,
) -> Tensor:
    """Labels (m,) that the `k` nearest bank features by cosine give to the queries.

    Args:
        bank: features (n, d) with their `labels` (n,) of integers from 0.
        queries: features (m, d).
        k: neighbours, from 1 to n.
        temperature: None for a majority vote (the smallest label wins a tie); else each neighbour votes with
            weight exp(cos / temperature) (Wu et al. 2018; 0.1 in the released code of 2502.09252).
        chunk: queries handled at once.

    Raises:
        InputError: on an empty bank, k out of range, or shapes that do not match.
    """
    if bank.ndim != 2 or queries.ndim != 2 or bank.shape[1] != queries.shape[1] or len(bank) != len(labels):
        raise InputError(
            f"bank {tuple(bank.shape)}, labels {tuple(labels.shape)} and queries {tuple(queries.shape)} do not "
            "fit; allowed: (n, d), (n,) and (m, d)"
        )
    in_range("k of k-NN", k, 1, max(1, len(bank)))
    if temperature is not None:
        in_range("k-NN temperature", temperature, 0, 1e6, open_low=True)
    classes = int(labels.max()) + 1
    bank = F.normalize(bank.float(), dim=1).T  # (d, n)
    found = []
    for part in queries.split(chunk):
        cosine, index = (F.normalize(part.float(), dim=1) @ bank).topk(k, dim=1)  # (chunk, k)
        weight = torch.ones_like(cosine) if temperature is None else ((cosine - 1) / temperature).exp()
        votes = torch.zeros(len(part), classes, device=part.device, dtype=weight.dtype)
        found.append(votes.scatter_add_(1, labels[index], weight).argmax(dim=1))
    return torch.cat(found)


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Share of equal entries, in percent."""
    return 100 * float((predicted == labels).double().mean())


@torch.no_grad()
def features(
    embed: Callable[[Tensor], dict[str, Tensor]], data: ImageSet, batch: int | None = None
) -> dict[str, Tensor]:
    """Features of clean images, a (n, d) tensor for each place that `embed` names; the model's mode is kept."""
    if batch is None:
        batch = 2048 if data.images.is_cuda else 128  # on a CPU the activations should stay in its cache
    parts = [embed(_image_layout(to_float(x))) for x in data.images.split(batch)]
    return {place: torch.cat([p[place].float() for p in parts]) for place in parts[0]}


def _image_layout(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def calibrate_batch_norm(model: nn.Module, data: ImageSet, batches: int = 4, batch: int = 512) -> None:
    """Set batch norm's running statistics to the mean over a few clean batches (for an untrained network)."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # cumulative average
    model.train()
    for x in data.images[: batches * batch].split(batch):
        model.embed(_image_layout(to_float(x)))  # type: ignore[operator]
    for m, momentum in zip(norms, kept, strict=True):
        m.momentum = momentum
