"""Image sets as byte tensors on the device, split into train, held-out and test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError, in_range, whole


@dataclass
class ImageSet:
    """`images` (n, 3, h, w) uint8 and `labels` (n,) int64; on one device, unless `place` left the images behind."""

    images: Tensor
    labels: Tensor
    classes: int

    def __post_init__(self) -> None:
        if self.labels.ndim != 1 or len(self.images) != len(self.labels):
            raise InputError(
                f"images {tuple(self.images.shape)} and labels {tuple(self.labels.shape)} do not fit; allowed: "
                "(n, 3, h, w) and (n,)"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> ImageSet:
        """The images at `index`, in that order."""
        images = self.images[index.to(self.images.device)]
        return ImageSet(images, self.labels[index.to(self.labels.device)], self.classes)

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
    classes = whole("classes", classes, 1, 2**31)
    each, rest = divmod(whole("count of images", count, 0, 2**62), classes)
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
    y = labels.cpu().long()
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise InputError(f"labels from {int(y.min())} to {int(y.max())}; allowed: from 0 to {classes - 1}")
    sizes = torch.bincount(y, minlength=classes)
    if int(sizes.min()) == 0:
        raise InputError(f"class {int(sizes.argmin())} has no image; allowed: at least one of each of {classes}")
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[y[shuffled].argsort(stable=True)]  # class 0 in random order, then class 1, ...
    place = torch.arange(len(y)) - (sizes.cumsum(0) - sizes)[y[by_class]]  # 0, 1, ... within the class
    wanted = (share * sizes).round().clamp_min(1)
    return by_class[place < wanted[y[by_class]]].sort().values.to(labels.device)


def place(data: ImageSet, device: torch.device | str, share: float = 0.5) -> ImageSet:
    """`data` on `device` if its images take at most `share` of the memory free there, else its labels alone.

    Images that stay behind, in memory or mapped from a file, are moved batch by batch (see `batches`).
    """
    where = torch.device(device)
    if where.type == "cuda" and data.images.numel() > share * torch.cuda.mem_get_info(where)[0]:
        return ImageSet(data.images, data.labels.to(where), data.classes)
    return data.to(where)


def batches(data: ImageSet, order: Tensor, size: int, device: torch.device | str) -> Iterator[Tensor]:
    """The images at `order`, `size` at a time (the last may be smaller), as bytes on `device`.

    A set on the device is only indexed. Of any other, the next batch is gathered (from memory or a mapped file)
    into pinned memory by a second thread while this one is used, and copied without waiting.
    """
    where = torch.device(device)
    parts = order.to(data.images.device).split(whole("size of a batch", size, 1, 2**31))
    if data.images.device.type == where.type and where.index in (None, data.images.device.index):
        for index in parts:
            yield data.images[index]
        return

    def gather(index: Tensor) -> Tensor:
        images = data.images[index]
        return images.pin_memory() if where.type == "cuda" and images.device.type == "cpu" else images

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


CLASSES = {"shapes": 8, "cifar10": 10, "cifar100": 100, "flowers102": 102, "imagenette": 10, "imagenet100": 100}
"""Number of classes by data set."""

SIZES = {
    "shapes": (2048, 1024), "cifar10": (50_000, 10_000), "cifar100": (50_000, 10_000), "flowers102": (6149, 1020),
    "imagenette": (9469, 3925), "folder:imagenette-64": (9469, 3925), "imagenet100": (126_689, 5000),
}  # fmt: skip
"""Training and test images by data set. Held-out images are among the former; `shapes` makes them besides."""


def side(config: TrainConfig) -> int:
    """Height and width in pixels of a configuration's images."""
    small = config.dataset in ("shapes", "cifar10", "cifar100")
    return config.image_size or (32 if small else 128)


def load(config: TrainConfig, root: str | None = None) -> Splits:
    """The splits of a configuration, on the CPU.

    The held-out images are the last of each class in file order, the subset for training the first; neither
    depends on the seed, so every run of an experiment sees the same images. Flowers-102, which is not balanced,
    gives its held-out images in proportion, and so does a folder whose classes cannot give equally many; a folder's
    `val` part is the test set.

    Raises:
        InputError: if the data are missing or damaged, or too few for the configuration; see the readers.
    """
    full, test = _sets(config, root)
    n = full.classes
    if config.imbalance:
        from ssllib.engine.data.imbalance import imbalanced

        train, held_out = imbalanced(full, config.imbalance, config.held_out)
    else:
        sizes = torch.bincount(full.labels, minlength=n)
        even = int(sizes.min()) == int(sizes.max())
        if even and not (config.held_out % n and config.dataset.startswith("folder:")):
            out = _of_each("held_out", full.labels, config.held_out, n, last=True)
        else:
            out = in_proportion(full, config.held_out)
        kept = torch.ones(len(full), dtype=torch.bool)
        kept[out] = False
        train, held_out = full.take(torch.nonzero(kept)[:, 0]), full.take(out)
    if config.train_images:
        train = train.take(_of_each("train_images", train.labels, config.train_images, n))
    if config.test_images and len(test) != config.test_images:
        test = test.take(_of_each("test_images", test.labels, config.test_images, n))
    if len(train) < config.batch_size:
        raise InputError(f"batch_size is {config.batch_size}; allowed: at most the {len(train)} training images")
    return Splits(train, held_out, test)


def _of_each(setting: str, labels: Tensor, count: int, classes: int, *, last: bool = False) -> Tensor:
    """As `balanced`, with the setting's name in what is said of a count that does not fit."""
    try:
        return balanced(labels, count, classes, last=last)
    except InputError as e:
        raise InputError(f"{setting} is {count}: {e}") from e


def check(config: TrainConfig, root: str | None = None) -> None:
    """Raise `InputError` where the files of a configuration's data set are missing; CIFAR's are read and checked."""
    from ssllib.paths import data_root

    name, home = config.dataset, data_root(root)
    if name in ("cifar10", "cifar100"):
        from ssllib.engine.data.cifar import cifar

        cifar(name, root)
    elif name != "shapes":
        halves = [f"{_folder(name)}/{part}" for part in ("train", "val")]
        parts = ["flowers-102/jpg"] if name == "flowers102" else halves
        for part in parts:
            if not (home / part).is_dir():
                raise InputError(f"{name} is not at {home / part}; set SSLLIB_DATA to the folder that holds it")


def in_proportion(data: ImageSet, count: int) -> Tensor:
    """Indices of about `count` images, in file order: the last of each class, in proportion to its size."""
    in_range("held_out", count, 0, len(data) - data.classes)
    chosen = []
    for c in range(data.classes):
        where = torch.nonzero(data.labels == c)[:, 0]
        each = max(0, min(len(where) - 1, round(count * len(where) / len(data))))
        chosen.append(where[len(where) - each :])
    return torch.cat(chosen).sort().values


def _sets(config: TrainConfig, root: str | None) -> tuple[ImageSet, ImageSet]:
    """All training images and all test images."""
    name, size = config.dataset, side(config)
    if name == "shapes":
        from ssllib.engine.data.shapes import shapes

        train_images, test_images = config.train_images or SIZES[name][0], config.test_images or SIZES[name][1]
        return shapes(train_images + config.held_out, seed=1), shapes(test_images, seed=2)
    if name in ("cifar10", "cifar100"):
        from ssllib.engine.data.cifar import cifar

        train, test = cifar(name, root)
        return (enlarged(train, size), enlarged(test, size)) if config.image_size else (train, test)
    if name == "flowers102":
        from ssllib.engine.data.flowers import flowers

        return flowers(root, size)
    from ssllib.engine.data.folder import class_names, image_folder
    from ssllib.paths import data_root

    home = data_root(root)
    folder = home / _folder(name)
    own, others = (class_names(folder / part) for part in ("train", "val"))
    alone = sorted(set(own) ^ set(others))
    if alone:  # labels are places in the list of names, so they would mean different classes
        raise InputError(
            f"{folder} has {len(own)} classes in train and {len(others)} in val, and "
            f"{', '.join(map(repr, alone[:5]))}{', ...' if len(alone) > 5 else ''} in one only; allowed: the same names"
        )
    train, test = (image_folder(folder / part, size, cache=home / ".bytes") for part in ("train", "val"))
    return train, test


def _folder(name: str) -> str:
    return FOLDERS.get(name, name.removeprefix("folder:"))


def enlarged(data: ImageSet, size: int, part: int = 1024) -> ImageSet:
    """The images resized to `size` x `size` pixels (bilinear), a part at a time."""
    images = torch.empty(len(data), 3, size, size, dtype=torch.uint8)
    for i, x in enumerate(data.images.split(part)):
        bigger = F.interpolate(x.float(), size=(size, size), mode="bilinear", align_corners=False)
        images[i * part : i * part + len(x)] = bigger.round_().to(torch.uint8)
    return ImageSet(images, data.labels, data.classes)


FOLDERS = {"imagenette": "imagenette2-160", "imagenet100": "imagenet100"}
"""Where the sets of class folders are, below the data root."""
