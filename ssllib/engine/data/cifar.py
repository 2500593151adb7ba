"""CIFAR-10 and CIFAR-100 from a data root (Krizhevsky 2009), read and checked by torchvision."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch

from ssllib.engine.data import ImageSet
from ssllib.errors import InputError, one_of, reason
from ssllib.paths import data_root

FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}


def cifar(name: str, root: str | Path | None = None) -> tuple[ImageSet, ImageSet]:
    """Training set (50,000) and test set (10,000) of `cifar10` or `cifar100`, 32 x 32.

    Args:
        root: the folder that holds `cifar-10-batches-py/` or `cifar-100-python/` (or is it); default `$SSLLIB_DATA`,
            else the cache folder.

    Raises:
        InputError: if the files are missing, damaged or not to be read; names the folder and how to fill it.
    """
    one_of("data set", name, FOLDERS)
    try:
        from torchvision.datasets import CIFAR10, CIFAR100
    except ImportError as e:
        raise InputError(f"{name} is read with torchvision, which is not installed: pip install 'ssllib[data]'") from e
    folder = data_root(root)
    if folder.name == FOLDERS[name] and folder.is_dir():
        folder = folder.parent
    cls = CIFAR10 if name == "cifar10" else CIFAR100
    present = (folder / FOLDERS[name]).is_dir()
    if not present:
        raise InputError(
            f"{name} is not at {folder / FOLDERS[name]}; set SSLLIB_DATA to the folder that holds "
            f"{FOLDERS[name]}/, or fetch it with: python -m ssllib data {name}"
        )
    sets = []
    try:
        for train in (True, False):
            ds = cls(str(folder), train=train)
            images = torch.from_numpy(np.ascontiguousarray(ds.data.transpose(0, 3, 1, 2)))
            sets.append(ImageSet(images, torch.tensor(ds.targets), len(ds.classes)))
    except OSError as e:
        raise InputError(f"{name} at {folder / FOLDERS[name]} cannot be read now ({reason(e)})") from e
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as e:
        raise InputError(
            f"{name} at {folder / FOLDERS[name]} is damaged or incomplete ({reason(e)}); remove that folder and "
            f"fetch it again with: python -m ssllib data {name}"
        ) from e
    return sets[0], sets[1]
