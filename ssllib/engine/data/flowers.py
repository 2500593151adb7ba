"""Flowers-102 as 2502.09252 uses it: trained on the official test split, evaluated on the validation split.

The test split (6,149 images) is naturally long-tailed, 20 to 238 images a class; the validation split
(1,020) has ten of each. Source: Nilsback and Zisserman 2008; 2502.09252, section 6.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib.engine.data import ImageSet
from ssllib.engine.data.folder import fill, read_image
from ssllib.errors import InputError, reason
from ssllib.paths import data_root

CLASSES = 102


def flowers(root: str | Path | None = None, size: int = 128, fit: str = "stretch") -> tuple[ImageSet, ImageSet]:
    """Training part (the official test split) and evaluation part (the validation split).

    Args:
        root: the folder that holds `flowers-102/`; default `$SSLLIB_DATA`, else the cache folder.
        size: height and width in pixels; the released code of 2502.09252 resizes to 128 x 128.
        fit: `stretch` (as the released code) or `crop`.

    Raises:
        InputError: if the files are missing or damaged, or torchvision or scipy (for the labels) is.
    """
    folder = data_root(root)
    try:
        import scipy.io  # noqa: F401  read by torchvision
        from torchvision.datasets import Flowers102
    except ImportError as e:
        raise InputError(f"flowers102 is read with torchvision and scipy, and one is not installed ({e})") from e
    try:
        train, test = (
            Flowers102(str(folder), split=split, loader=lambda path: read_image(path, size, fit))
            for split in ("test", "val")
        )
    except OSError as e:
        raise InputError(f"flowers102 at {folder / 'flowers-102'} cannot be read now ({reason(e)})") from e
    except (RuntimeError, ValueError, KeyError) as e:
        raise InputError(
            f"flowers102 is not at {folder / 'flowers-102'} or is damaged; set SSLLIB_DATA to the folder that "
            "holds flowers-102/, or fetch it with: python -m ssllib data flowers102"
        ) from e
    return _decoded(train, size), _decoded(test, size)


def _decoded(data: Any, size: int) -> ImageSet:
    images = np.empty((len(data), 3, size, size), np.uint8)
    labels = np.empty(len(data), np.int64)

    def read(i: int) -> Tensor:
        image, labels[i] = data[i]
        return image

    fill(images, read)
    return ImageSet(torch.from_numpy(images), torch.from_numpy(labels), CLASSES)
