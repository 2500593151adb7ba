"""Any folder of class folders (ImageNet-100, Imagenette, ...) as one byte tensor.

Decoding takes long, so it is done once: with `cache` the bytes are kept in a `.npy` file, which a later call
maps into memory. That is also the path for a set larger than memory: `datasets.place` leaves such a set where
it is and `datasets.batches` moves it batch by batch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib.datasets import ImageSet
from ssllib.errors import InputError, in_range, one_of

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff")
FITS = ("crop", "stretch")


def read_image(path: str | Path, size: int, fit: str = "crop") -> Tensor:
    """One picture as (3, size, size) bytes, decoded and resized by torchvision (bilinear, antialiased).

    Args:
        fit: `crop` makes the shorter side `size` and keeps the centre; `stretch` ignores the aspect ratio.

    Raises:
        InputError: if the file is not a picture that torchvision can read.
    """
    try:
        from torchvision.datasets.folder import default_loader
        from torchvision.transforms.v2.functional import center_crop, pil_to_tensor, resize
    except ImportError as e:
        raise InputError("pictures need torchvision, which is not installed: pip install 'ssllib[data]'") from e
    one_of("fit", fit, FITS)
    try:
        image = pil_to_tensor(default_loader(path))  # (3, h, w) bytes
    except (OSError, SyntaxError, ValueError) as e:
        raise InputError(f"{path} is not a picture that can be read ({str(e).splitlines()[0]})") from e
    if fit == "stretch":
        return resize(image, [size, size], antialias=True)
    return center_crop(resize(image, [size], antialias=True), [size, size])


def fill(images: np.ndarray, read: Callable[[int], Tensor], workers: int | None = None) -> None:
    """Set `images[i] = read(i)` for every i, several at a time (decoding leaves Python's lock)."""

    def one(i: int) -> None:
        images[i] = read(i).numpy()

    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for _ in pool.map(one, range(len(images))):
            pass


def image_folder(
    folder: str | Path,
    size: int,
    *,
    fit: str = "crop",
    classes: Sequence[str] | None = None,
    cache: str | Path | None = None,
) -> ImageSet:
    """The pictures of `folder/<class>/**`, labelled by the class folders in alphabetical order.

    Args:
        size: height and width of the result, in pixels.
        fit: see `read_image`.
        classes: the class folders to use, in the order of their labels; default all.
        cache: a folder where the bytes are kept in a file, named after everything that makes them (paths, sizes
            and times of the pictures included); the returned images are that file, mapped into memory.

    Raises:
        InputError: if the folder or a class is missing or empty, or a picture cannot be read.
    """
    in_range("size", size, 1, 4096)
    one_of("fit", fit, FITS)
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"no folder of pictures at {root}; it needs one folder per class")
    found = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    for name in classes or ():
        one_of(f"class of {root}", name, found)
    names = list(classes or found)
    files = [_pictures(root / name) for name in names]
    empty = [name for name, inside in zip(names, files, strict=True) if not inside]
    if empty or not names:
        what = f"class {empty[0]!r} of {root}" if empty else f"{root}"
        raise InputError(f"{what} holds no pictures; allowed: {', '.join(ENDINGS)} in one folder per class")
    paths = [p for inside in files for p in inside]
    labels = torch.repeat_interleave(torch.arange(len(names)), torch.tensor([len(inside) for inside in files]))
    shape = (len(paths), 3, size, size)

    def read(i: int) -> Tensor:
        return read_image(paths[i], size, fit)

    if cache is None:
        images = np.empty(shape, np.uint8)
        fill(images, read)
    else:
        stats = [(str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
        key = hashlib.sha256(json.dumps([size, fit, names, stats]).encode()).hexdigest()[:12]
        images = _cached(Path(cache) / f"{root.resolve().name}-{size}-{key}.npy", shape, read)
    return ImageSet(torch.from_numpy(images), labels, len(names))


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and not p.name.startswith("."))


def _cached(path: Path, shape: tuple[int, ...], read: Callable[[int], Tensor]) -> Any:
    """The array in `path`, mapped; written first if it is not there (whole or not at all)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            images = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            fill(images, read)
            images.flush()
            del images
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, "c")  # copy on write: torch wants it writable, the file stays as it is
