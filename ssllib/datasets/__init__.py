"""Image sets as byte tensors on the device, split into train, held-out and test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from ssllib.config import TrainConfig
from ssllib.errors import InputError, in_range


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


def labelled(labels: Tensor, share: float, classes: int, seed: int = 0) -> Tensor:
    """Indices, in file order, of the images whose labels may be used: `share` of each class, drawn by `seed`.

    The same seed gives nested sets: the 10 % are among the 50 %. Each class has round(share * its size) images,
    at least one.

    Raises:
        InputError: if `share` is not in (0, 1] or a class has no image.
    """
    in_range("share of labels", share, 0, 1, open_low=True)
    y = labels.cpu()
    sizes = torch.bincount(y, minlength=classes)
    if int(sizes.min()) == 0:
        raise InputError(f"class {int(sizes.argmin())} has no image; allowed: at least one of each of {classes}")
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[y[shuffled].argsort(stable=True)]  # class 0 in random order, then class 1, ...
    place = torch.arange(len(y)) - (sizes.cumsum(0) - sizes)[y[by_class]]  # 0, 1, ... within the class
    wanted = (share * sizes).round().clamp_min(1)
    return by_class[place < wanted[y[by_class]]].sort().values.to(labels.device)


def place(data: ImageSet, device: torch.device | str, share: float = 0.5) -> ImageSet:
    """`data` on `device` if its images take at most `share` of the memory free there, else as it is.

    A set that stays behind, in memory or mapped from a file, is read with `batches`.
    """
    where = torch.device(device)
    if where.type == "cuda" and data.images.numel() > share * torch.cuda.mem_get_info(where)[0]:
        return data
    return data.to(where)


def batches(data: ImageSet, order: Tensor, size: int, device: torch.device | str) -> Iterator[Tensor]:
    """The images at `order`, `size` at a time (the last may be smaller), as bytes on `device`.

    A set on the device is only indexed. Of any other, the next batch is gathered (from memory or a mapped file)
    into pinned memory by a second thread while this one is used, and copied without waiting.
    """
    where = torch.device(device)
    parts = order.to(data.images.device).split(size)
    if data.images.device.type == where.type:
        for index in parts:
            yield data.images[index]
        return

    def gather(index: Tensor) -> Tensor:
        images = data.images[index]
        return images.pin_memory() if where.type == "cuda" else images

    for images in _ahead(gather, parts):
        yield images.to(where, non_blocking=True)


def _ahead(make: Callable[[Tensor], Tensor], items: Sequence[Tensor]) -> Iterator[Tensor]:
    """`make(item)` for each item in turn, the next one already being made by a second thread."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, item) for item in items[:1]]
        for item in items[1:]:
            waiting.append(pool.submit(make, item))
            yield waiting.pop(0).result()
        for last in waiting:
            yield last.result()


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
