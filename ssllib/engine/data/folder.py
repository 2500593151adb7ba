"""Any folder of class folders (ImageNet-100, Imagenette, ...) as one byte tensor.

Decoding takes long, so it is done once: with `cache` the bytes are kept in a `.npy` file, which a later call
maps into memory. That is also the path for a set larger than memory: `datasets.place` leaves such a set where
it is and `datasets.batches` moves it batch by batch.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib.engine.data import ImageSet
from ssllib.errors import InputError, one_of, reason, whole
from ssllib.paths import cache_dir

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff")
FITS = ("crop", "stretch")
SYSTEM = ("__MACOSX", "@eaDir", "lost+found")
"""Folders that systems put beside one's own; like names that begin with a dot, they are passed over at every depth."""
LONGEST = 200  # longer side over the shorter one


def read_image(path: str | Path, size: int, fit: str = "crop") -> Tensor:
    """One picture as (3, size, size) bytes, decoded by Pillow and resized by torchvision (bilinear, antialiased).

    Grey pictures of 16 bits are brought to 8 by their range, not cut off at 255.

    Args:
        fit: `crop` makes the shorter side `size` and keeps the centre; `stretch` ignores the aspect ratio.

    Raises:
        InputError: if the file cannot be read, is no picture, or one of more pixels than Pillow decodes, of more than
            16 bits a channel, or of sides more than 200 to 1.
    """
    try:
        import PIL.Image
        from torchvision.transforms.v2.functional import center_crop, pil_to_tensor, resize
    except ImportError as e:
        raise InputError("pictures need torchvision, which is not installed: pip install 'ssllib[data]'") from e
    one_of("fit", fit, FITS)
    damaged = (SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
    try:
        with open(path, "rb") as file, PIL.Image.open(file) as opened:
            image = pil_to_tensor(_eight_bits(opened, path).convert("RGB"))  # (3, h, w) bytes
    except InputError:
        raise
    except (OSError, PIL.Image.DecompressionBombError, NotImplementedError, OverflowError, *damaged) as e:
        raise InputError(f"{path} is not a picture that can be read ({reason(e)})") from e
    if max(image.shape[1:]) > LONGEST * min(image.shape[1:]):
        raise InputError(f"{path} has sides {image.shape[2]} x {image.shape[1]}; allowed: at most {LONGEST} to 1")
    if fit == "stretch":
        return resize(image, [size, size], antialias=True)
    return center_crop(resize(image, [size], antialias=True), [size, size])


def _eight_bits(image: Any, path: str | Path) -> Any:
    """A Pillow image, in 8 bits if it is a grey one of 16 (`convert` would cut those off at 255)."""
    if not image.mode.startswith(("I", "F")):
        return image
    import PIL.Image

    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise InputError(f"{path} has pixels of {values.dtype} up to {values.max()}; allowed: 8 or 16 bits a channel")
    return PIL.Image.fromarray((values.astype(np.uint32) // 256).astype(np.uint8))


def fill(images: np.ndarray, read: Callable[[int], Tensor], workers: int | None = None) -> None:
    """Set `images[i] = read(i)` for every i, several at a time (decoding leaves Python's lock)."""

    def one(i: int) -> None:
        images[i] = read(i).numpy()

    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        try:
            for _ in pool.map(one, range(len(images))):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)  # do not decode the rest first
            raise


def image_folder(
    folder: str | Path,
    size: int,
    *,
    fit: str = "crop",
    classes: Sequence[str] | None = None,
    cache: str | Path | None = None,
) -> ImageSet:
    """The pictures of `folder/<class>/**`, labelled by the class folders in alphabetical order.

    Links are followed, files and folders. Names that begin with a dot and `SYSTEM` are passed over.

    Args:
        size: height and width of the result, in pixels.
        fit: see `read_image`.
        classes: the class folders to use, in the order of their labels; default all.
        cache: a folder where the bytes are kept in a file, named after everything that makes them (paths, sizes
            and times of the pictures included); the returned images are that file, mapped into memory. Where it
            cannot be written, the user's cache folder takes it, and else memory, with a warning.

    Raises:
        InputError: if the folder or a class is missing, empty or named twice, or a picture cannot be read.
    """
    size = whole("size", size, 1, 4096)
    one_of("fit", fit, FITS)
    root = Path(folder)
    found = class_names(root)
    for name in classes or ():
        one_of(f"class of {root}", name, found)
    names = list(classes or found)
    if len(set(names)) < len(names):
        raise InputError(f"classes {names} hold a name twice; allowed: each once")
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

    images: Any
    if cache is None:
        images = np.empty(shape, np.uint8)
        fill(images, read)
    else:
        stats = [(str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
        key = hashlib.sha256(json.dumps([size, fit, names, stats]).encode()).hexdigest()[:12]
        name = f"{root.resolve().name}-{size}-{key}.npy"
        images = _cached([Path(cache) / name, cache_dir() / "bytes" / name], shape, read)
    return ImageSet(torch.from_numpy(images), labels, len(names))


def class_names(folder: str | Path) -> list[str]:
    """The class folders of `folder`, in the order of their labels.

    Raises:
        InputError: if there is no such folder, or it cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"no folder of pictures at {root}; it needs one folder per class")
    try:
        return sorted(p.name for p in root.iterdir() if p.is_dir() and not _passed_over(p.name))
    except OSError as e:
        raise InputError(f"{root} cannot be read ({reason(e)})") from e


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in SYSTEM


def _pictures(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted; links are followed, but not back into a folder they are in."""

    def fail(e: OSError) -> None:
        raise InputError(f"{e.filename} cannot be read ({e.strerror})") from e

    found = []
    for here, inside, files in os.walk(folder, onerror=fail, followlinks=True):
        above = [os.path.realpath(here), *map(os.path.realpath, Path(here).parents)]
        inside[:] = [
            name for name in inside
            if not _passed_over(name) and os.path.realpath(os.path.join(here, name)) not in above
        ]  # fmt: skip
        for name in files:
            path = Path(here, name)
            if _passed_over(name) or path.suffix.lower() not in ENDINGS:
                continue
            if path.is_symlink() and not path.exists():
                raise InputError(f"{path} is a link to {os.readlink(path)}, which is not there")
            if path.is_file():
                found.append(path)
    return sorted(found)


def _cached(places: Sequence[Path], shape: tuple[int, ...], read: Callable[[int], Tensor]) -> Any:
    """The array in the first of `places` that has it whole, mapped; else it is written where that is possible."""
    for path in places:
        with_it = _mapped(path, shape)
        if with_it is not None:
            return with_it
    why = ""
    for path in places:
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            images = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            _reserve(part)
            fill(images, read)
            images.flush()
            del images
            os.replace(part, path)
            return _mapped(path, shape)
        except OSError as e:
            why = why or f"{path.parent} cannot be written: {reason(e)}"
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    warnings.warn(f"pictures are kept in memory and decoded at each start ({why})", stacklevel=3)
    decoded = np.empty(shape, np.uint8)
    fill(decoded, read)
    return decoded


def _reserve(path: Path) -> None:
    """Have the disk's blocks before they are written through a map, where a full disk would end the process."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as f:
            os.posix_fallocate(f.fileno(), 0, path.stat().st_size)


def _mapped(path: Path, shape: tuple[int, ...]) -> Any:
    """The array in `path`, or None where there is none of this shape; one that is damaged is made anew."""
    try:
        if not path.exists():
            return None
        found = np.lib.format.open_memmap(path, "c")  # copy on write: torch wants it writable, the file stays as it is
    except (ValueError, EOFError, OSError, SyntaxError):
        return None
    return found if found.shape == shape and found.dtype == np.uint8 and not np.isfortran(found) else None
