"""Image sets as byte tensors on the device, split into train, held-out and test."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssllib.config import TrainConfig
from ssllib.errors import InputError


@dataclass
class ImageSet:
    """`images` (n, 3, h, w) uint8 and `labels` (n,) int64, on one device."""

    images: Tensor
    labels: Tensor
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> ImageSet:
        """The images at `index`, in that order."""
        return ImageSet(self.images[index], self.labels[index], self.classes)

    def to(self, device: torch.device | str) -> ImageSet:
        return ImageSet(self.images.to(device), self.labels.to(device), self.classes)


@dataclass
class Splits:
    """What a run sees: `train`, the `held_out` training images kept for selection, and the `test` set."""

    train: ImageSet
    held_out: ImageSet
    test: ImageSet


def balanced(labels: Tensor, count: int, classes: int, *, last: bool = False) -> Tensor:
    """Indices of the first (or last) `count` images with equally many of each class, in file order."""
    each, rest = divmod(count, classes)
    if rest:
        raise InputError(f"{count} images cannot be balanced over {classes} classes; allowed: a multiple of {classes}")
    chosen = []
    for c in range(classes):
        where = torch.nonzero(labels == c)[:, 0]
        if len(where) < each:
            raise InputError(f"{count} images need {each} of each class; class {c} has {len(where)}")
        chosen.append(where[len(where) - each :] if last else where[:each])
    return torch.cat(chosen).sort().values


def load(config: TrainConfig, root: str | None = None) -> Splits:
    """The splits of a configuration, on the CPU.

    The held-out images are the last of each class in file order, the subset for training the first; neither
    depends on the seed, so every run of an experiment sees the same images.
    """
    if config.dataset == "shapes":
        from ssllib.datasets.shapes import shapes

        train_images = config.train_images or 2048
        sizes = (train_images + config.held_out, config.test_images or 1024)
        full, test = shapes(sizes[0], seed=1), shapes(sizes[1], seed=2)
    else:
        from ssllib.datasets.cifar import cifar

        full, test = cifar(config.dataset, root)
    n = full.classes
    out = balanced(full.labels, config.held_out, n, last=True)
    kept = torch.ones(len(full), dtype=torch.bool)
    kept[out] = False
    train = full.take(torch.nonzero(kept)[:, 0])
    if config.train_images:
        train = train.take(balanced(train.labels, config.train_images, n))
    if config.test_images and len(test) != config.test_images:
        test = test.take(balanced(test.labels, config.test_images, n))
    if len(train) < config.batch_size:
        raise InputError(f"batch_size is {config.batch_size}; allowed: at most the {len(train)} training images")
    return Splits(train, full.take(out), test)
