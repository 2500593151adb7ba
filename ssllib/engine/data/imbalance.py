"""Exponentially imbalanced image sets: class i has floor(first * base^-i) images.

Source: 2502.09252, section 6 (CIFAR-10: 5000 * 1.5^-i, after Van Assel and Balestriero 2024; CIFAR-100:
500 * 1.034^-i). The released code has base 1.03365 for CIFAR-100: 14,750 images instead of 14,620.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssllib.engine.data import ImageSet, balanced
from ssllib.errors import InputError, in_range

BASES = {
    "cifar10": {"text": 1.5, "released": 1.5},
    "cifar100": {"text": 1.034, "released": 1.03365},
}
"""Base by data set and protocol."""


def exponential_counts(first: int, base: float, classes: int) -> list[int]:
    """Images of class 0, 1, ...: floor(first * base^-i).

    Raises:
        InputError: if `base` is not over 1, or the last class would be empty.
    """
    in_range("base of the imbalance", base, 1, 100, open_low=True)
    counts = [math.floor(first * base**-i + 1e-9) for i in range(classes)]
    if not counts or counts[-1] < 1:
        raise InputError(f"base {base:g} leaves the last of {classes} classes empty; allowed: first * base^-i >= 1")
    return counts


def take_counts(labels: Tensor, counts: list[int]) -> Tensor:
    """Indices, in file order, of the first `counts[c]` images of each class c."""
    chosen = []
    for c, count in enumerate(counts):
        where = torch.nonzero(labels == c)[:, 0]
        if len(where) < count:
            raise InputError(f"class {c} has {len(where)} images; allowed: at least the {count} asked for")
        chosen.append(where[:count])
    return torch.cat(chosen).sort().values


def imbalanced(data: ImageSet, base: float, held_out: int = 0) -> tuple[ImageSet, ImageSet]:
    """The imbalanced part of a balanced set, and a balanced `held_out` part that does not overlap it.

    The imbalanced part is the first images of each class in file order, the held-out part the last: neither
    depends on a seed. A class that has too few images left gives all of them: with 5,000 of CIFAR-10's images
    held out, class 0 alone, 4,500 instead of 5,000. Without held-out images the papers' totals are exact.
    """
    n = data.classes
    sizes = torch.bincount(data.labels, minlength=n)
    out = balanced(data.labels, held_out, n, last=True)
    room = (sizes - held_out // n).tolist()
    counts = exponential_counts(int(sizes.max()), base, n)
    train = take_counts(data.labels, [min(c, r) for c, r in zip(counts, room, strict=True)])
    return data.take(train), data.take(out)
