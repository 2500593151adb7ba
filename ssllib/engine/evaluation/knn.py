"""Features of clean images, and their k-NN evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib import native
from ssllib.augment import crop, draw, to_float
from ssllib.engine.data import ImageSet, balanced, batches
from ssllib.errors import InputError, in_range, one_of, whole
from ssllib.losses.common import unit


@dataclass(frozen=True)
class Protocol:
    """One way to ask the nearest neighbours: how many, how they vote (see `knn_predict`), and from which bank."""

    k: int
    temperature: float | None
    bank: str = "train"


PROTOCOLS = {
    "knn": Protocol(200, 0.1),  # Wu et al. 2018; the released code of 2502.09252, on clean images
    "knn10": Protocol(10, None),  # cosine majority vote, as in dkobak/simclr-cifar10
    "knn_full": Protocol(200, 0.1, "full"),  # an imbalanced run, asked with the whole balanced training set
    "knn_balanced": Protocol(200, 0.1, "balanced"),  # an imbalanced run without its prior
    "knn_augmented": Protocol(200, 0.1, "augmented"),  # the released code's own bank
}
"""The k-NN protocols by the name of their metric; see `knn_bank` for the banks."""


def knn_bank(kind: str, train: ImageSet, full: ImageSet | None = None, *, seed: int = 0, batch: int = 256) -> ImageSet:
    """The images whose features are the bank.

    Args:
        kind: `train`, the clean training images; `full`, all clean images of the set that an imbalanced training
            set was taken from; `balanced`, as many training images of each class as the smallest has;
            `augmented`, one random view of each (crop of area 0.08 to 1, flip), shuffled, the last incomplete
            batch dropped (the released code of 2502.09252), in bytes.
        full: needed for `full` only.
        seed, batch: used by `augmented` only.
    """
    one_of("k-NN bank", kind, ("train", "full", "balanced", "augmented"))
    if kind == "train":
        return train
    if kind == "full":
        if full is None:
            raise InputError("the k-NN bank 'full' needs the set that the training images were taken from")
        return full
    if kind == "balanced":
        smallest = int(torch.bincount(train.labels, minlength=train.classes).min())
        if not smallest:
            raise InputError("the k-NN bank 'balanced' of images without some class; allowed: at least one of each")
        return train.take(balanced(train.labels, smallest * train.classes, train.classes))
    if whole("batch", batch, 1, 2**31) > len(train):
        raise InputError(f"batch is {batch}; allowed for the k-NN bank 'augmented': at most the {len(train)} images")
    g = torch.Generator(train.images.device).manual_seed(seed)
    order = torch.randperm(len(train), generator=g, device=train.images.device)
    data = train.take(order[: len(train) // batch * batch])
    views = [(crop_and_flip(x, g) * 255).round_().to(torch.uint8) for x in data.images.split(batch)]
    return ImageSet(torch.cat(views), data.labels, data.classes)


def crop_and_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random crop of area 0.08 to 1 and a flip of bytes (n, 3, h, w), as floats in [0, 1] of the same shape."""
    size = (int(images.shape[-2]), int(images.shape[-1]))
    return crop(to_float(images), draw(len(images), size, generator, crop_min=0.08, jitter=0.0, gray=0.0))

_BLOCK = 5000  # columns of products at once: 20 MB of a thousand queries


@torch.no_grad()
def knn_scores(
    bank: Tensor,
    labels: Tensor,
    queries: Tensor,
    k: int = 200,
    temperature: float | None = None,
    *,
    classes: int | None = None,
    chunk: int = 1024,
    leave_one_out: bool = False,
) -> Tensor:
    """Votes (m, classes) of the `k` nearest bank features by cosine; arguments as in `knn_predict`.

    Features that are not finite have no vote and get none. With a temperature a vote weighs exp((cos - 1) / T); at
    temperatures so low that the nearest one's would leave float32, that row's are divided by the nearest one's.

    Args:
        classes: number of classes; default one more than the largest label.
        leave_one_out: the queries are the bank, and nobody votes on itself. Without it each point of a bank
            asked about itself is its own nearest neighbour (Figure 4 of 2502.09252 as released).
    """
    if bank.ndim != 2 or queries.ndim != 2 or bank.shape[1] != queries.shape[1] or len(bank) != len(labels):
        raise InputError(
            f"bank {tuple(bank.shape)}, labels {tuple(labels.shape)} and queries {tuple(queries.shape)} do not "
            "fit; allowed: (n, d), (n,) and (m, d)"
        )
    if not len(bank) or labels.ndim != 1 or labels.is_floating_point() or labels.is_complex():
        raise InputError(f"{len(bank)} bank features, labels of {labels.dtype}; allowed: some, with whole labels (n,)")
    if leave_one_out and bank.shape != queries.shape:
        raise InputError("leave_one_out is for queries that are the bank itself, in its order")
    k, chunk = whole("k of k-NN", k, 1, len(bank) - leave_one_out), whole("chunk", chunk, 1, 2**31)
    if temperature is not None:
        in_range("k-NN temperature", temperature, 1e-30, 1e6)
    labels = labels.long()
    least, most = int(labels.min()), int(labels.max())
    classes = most + 1 if classes is None else whole("classes", classes, 1, 2**31)
    if least < 0 or most >= classes:
        raise InputError(f"labels from {least} to {most}; allowed: from 0 to {classes - 1}")
    bank, bad = _directions(bank)
    bank = bank.T  # (d, n)
    found, start = [], 0
    for part in queries.split(chunk):
        with torch.autocast(part.device.type, enabled=False):
            part, lost = _directions(part)
            cosine, index = _nearest(bank, part, k, start if leave_one_out else None, bad)
        weight = torch.ones_like(cosine) if temperature is None else _weights(cosine, temperature)
        if bad is not None or lost is not None:
            weight = weight.masked_fill(cosine == -torch.inf, 0)
            weight = weight if lost is None else weight.masked_fill(lost[:, None], 0)
        votes = torch.zeros(len(part), classes, device=part.device, dtype=weight.dtype)
        found.append(votes.scatter_add_(1, labels[index], weight))
        start += len(part)
    return torch.cat(found)


def _directions(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The directions (n, d) of features, zero where these are not finite; which are not (n,), if there are any."""
    x = x.float()
    bad = ~x.isfinite().all(dim=1)
    if not bool(bad.any()):
        return unit(x), None
    return unit(x.masked_fill(bad[:, None], 0)), bad


def _weights(cosine: Tensor, temperature: float) -> Tensor:
    """exp((cos - 1) / T) of cosines (m, k), the largest first; never so small that a vote would be lost."""
    top = cosine[:, :1]
    base = torch.where((1 - top) / temperature > 40, top, torch.ones_like(top))
    return ((cosine - base) / temperature).exp().clamp_min(torch.finfo(cosine.dtype).tiny)


def _nearest(
    bank: Tensor, queries: Tensor, k: int, own: int | None, bad: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The `k` largest products (m, k) of each query (m, d) with a bank (d, n), and their places, the largest first.

    On a CPU, products that are many are made in blocks that stay in a cache, and searched there by compiled code.

    Args:
        own: the place of the first query in the bank if they are part of it: then their products with themselves
            do not count.
        bad: columns (n,) of the bank that do not count.
    """
    m, n = len(queries), bank.shape[1]
    if bank.device.type == "cpu" and m * n >= 2**22 and bad is None and native.library("nearest"):
        search, room = native.Largest(m, k), bank.new_empty(m * min(n, _BLOCK))
        for first in range(0, n, _BLOCK):
            block = bank[:, first : first + _BLOCK]
            cosine = torch.mm(queries, block, out=room[: m * block.shape[1]].view(m, -1))
            if own is not None:
                cosine.diagonal(own - first).fill_(-torch.inf)
            search.add(cosine)
        found = search.found()
        if found is not None:  # else there are numbers among them that are not finite
            return found
    cosine = queries @ bank  # (m, n)
    if own is not None:
        cosine.diagonal(own).fill_(-torch.inf)
    if bad is not None:
        cosine[:, bad] = -torch.inf
    values, places = cosine.topk(k, dim=1)
    return values, places


def knn_predict(
    bank: Tensor,
    labels: Tensor,
    queries: Tensor,
    k: int = 200,
    temperature: float | None = None,
    *,
    chunk: int = 1024,
) -> Tensor:
    """Labels (m,) that the `k` nearest bank features by cosine give to the queries.

    Args:
        bank: features (n, d) with their `labels` (n,) of integers of any width from 0.
        queries: features (m, d).
        k: neighbours, from 1 to n.
        temperature: None for a majority vote (the smallest label wins a tie); else each neighbour votes with
            weight exp(cos / temperature) (Wu et al. 2018; 0.1 in the released code of 2502.09252).
        chunk: queries handled at once.

    Returns:
        int64; -1 for a query that nobody votes on, because its features (or all of the bank's) are not finite.

    Raises:
        InputError: on an empty bank, k out of range, or shapes that do not match.
    """
    return named(knn_scores(bank, labels, queries, k, temperature, chunk=chunk))


def named(votes: Tensor) -> Tensor:
    """The label (m,) with the most of the votes (m, classes), the smallest of equal ones; -1 where there are none."""
    most, label = votes.max(dim=1)
    return torch.where(most > 0, votes.argmax(dim=1), torch.full_like(label, -1))


@torch.no_grad()
def knn_accuracies(
    bank: Tensor, labels: Tensor, queries: Tensor, truth: Tensor, protocol: Protocol, *, classes: int | None = None
) -> tuple[float, float]:
    """Top-1 and top-5 accuracy in percent of one protocol; a bank smaller than k votes as a whole."""
    k = min(protocol.k, len(bank))
    scores = knn_scores(bank, labels, queries, k, protocol.temperature, classes=classes)
    return accuracy(named(scores), truth), top_accuracy(scores, truth, 5, floor=0.0)


def top_accuracy(scores: Tensor, labels: Tensor, k: int = 5, *, floor: float = float("-inf")) -> float:
    """Share, in percent, of labels (m,) that are among the `k` highest of scores (m, classes).

    Of equal scores the smaller label comes first. A label that scores no more than `floor` is never a hit: with
    votes, `floor=0` keeps classes that nobody voted for out of the first five. A score that is not a number makes its
    row no hit. nan without a row.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or labels.is_floating_point():
        raise InputError(
            f"scores {tuple(scores.shape)} and labels {tuple(labels.shape)} of {labels.dtype} do not fit; allowed: "
            "(m, classes) and (m,), whole"
        )
    labels, k = labels.long(), whole("k of top-k", k, 1, 2**31)
    if labels.numel() and int(labels.min()) < 0:
        raise InputError(f"a label is {int(labels.min())}; allowed: from 0")
    if labels.numel() and int(labels.max()) >= scores.shape[1]:
        scores = F.pad(scores, (0, int(labels.max()) + 1 - scores.shape[1]), value=float("-inf"))
    own = scores.gather(1, labels[:, None])  # (m, 1)
    before = torch.arange(scores.shape[1], device=scores.device) < labels[:, None]
    rank = ((scores > own) | ((scores == own) & before)).sum(dim=1)
    return 100 * float(((rank < k) & (own[:, 0] > floor) & ~scores.isnan().any(dim=1)).double().mean())


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Share of equal entries, in percent; nan of none."""
    if predicted.shape != labels.shape:
        raise InputError(f"predictions {tuple(predicted.shape)} and labels {tuple(labels.shape)}; allowed: one shape")
    return 100 * float((predicted == labels).double().mean())


@torch.no_grad()
def features(
    embed: Callable[[Tensor], dict[str, Tensor]],
    data: ImageSet,
    batch: int | None = None,
    device: torch.device | str | None = None,
) -> dict[str, Tensor]:
    """Features of clean images, a (n, d) tensor for each place that `embed` names; the model's mode is kept.

    `device` is the model's, default that of the images; a set elsewhere is moved there batch by batch.
    """
    where = torch.device(device) if device else data.images.device
    if batch is None:
        batch = 2048 if where.type == "cuda" else 128  # on a CPU the activations should stay in its cache
    order = torch.arange(len(data), device=data.images.device)
    parts = [embed(_image_layout(to_float(x))) for x in batches(data, order, batch, where)]
    return {place: torch.cat([p[place].float() for p in parts]) for place in parts[0]}


def _image_layout(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def calibrate_batch_norm(model: nn.Module, data: ImageSet, batches: int = 4, batch: int = 512) -> None:
    """Set batch norm's running statistics to the mean over a few clean batches (for an untrained network).

    A last batch of a single image, which has no variance, is left out.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # cumulative average
    model.train()
    for x in data.images[: batches * batch].split(batch):
        if len(x) == 1 < min(batch, len(data)):
            continue
        model.embed(_image_layout(to_float(x.to(data.labels.device))))  # type: ignore[operator]
    for m, momentum in zip(norms, kept, strict=True):
        m.momentum = momentum
