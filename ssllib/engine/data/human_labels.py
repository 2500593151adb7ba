"""What people say about CIFAR's images: CIFAR-10-N, CIFAR-100-N and CIFAR-10-H, checked against the clean labels.

Sources: Wei et al. 2022 (CIFAR-N: labels of the training images from three annotators an image, or one for
CIFAR-100); Peterson et al. 2019 (CIFAR-10-H: about 51 annotators for each test image).
"""

from __future__ import annotations

import importlib
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib.errors import InputError, one_of, reason
from ssllib.paths import data_root

NOISE = {
    "cifar10": {
        "aggre_label": 9.01, "worse_label": 40.21,
        "random_label1": 17.23, "random_label2": 18.12, "random_label3": 17.64,
    },
    "cifar100": {"noisy_label": 40.20},
}  # fmt: skip
"""Percent of labels that differ from the clean one, by data set and kind of label (of the official files)."""

_FILES = {"cifar10": ("cifar10n.npz", "CIFAR-10_human.pt"), "cifar100": ("cifar100n.npz", "CIFAR-100_human.pt")}
_PROPER_10H = 0.99  # share of test images whose most frequent human label is the clean one: 99.21 %


def _absent(path: Path, name: str) -> InputError:
    return InputError(f"{path} is missing; set SSLLIB_DATA to the folder that holds {path.parent.name}/ ({name})")


def cifar_n(name: str, kind: str, clean: Tensor, root: str | Path | None = None) -> Tensor:
    """Labels (50000,) that people gave to the training images of `cifar10` or `cifar100`.

    Args:
        kind: for CIFAR-10 `aggre_label` (majority of three annotators), `random_label1` to `3` (one of them) or
            `worse_label` (a wrong one where there is one); for CIFAR-100 `noisy_label`.
        clean: the true labels (50000,) of the images the labels are used with, in their order.

    Raises:
        InputError: if the file is missing or damaged, or its order of images is not that of `clean`.
    """
    one_of("data set with CIFAR-N labels", name, NOISE)
    one_of(f"CIFAR-N label of {name}", kind, NOISE[name])
    path = data_root(root) / "cifar-n" / _FILES[name][0]
    if not path.exists():
        raise _absent(path, "CIFAR-N")
    try:
        with np.load(path, allow_pickle=False) as file:
            own, labels = (torch.from_numpy(file[k].astype(np.int64)) for k in ("clean_label", kind))
    except OSError as e:
        raise InputError(f"{path} cannot be read now ({reason(e)})") from e
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        raise InputError(f"{path} is damaged ({reason(e)}); remove it and fetch it again") from e
    if len(own) != len(labels) or own.shape != clean.shape or not torch.equal(own, clean.cpu()):
        raise InputError(
            f"{path} does not fit these images: its clean labels differ from theirs; allowed: all "
            f"{len(own):,} training images of {name} in file order"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < (10 if name == "cifar10" else 100):
        raise InputError(f"{path} is damaged (labels from {labels.min()} to {labels.max()}); fetch it again")
    return labels.to(clean.device)


def cifar10_h(clean: Tensor, root: str | Path | None = None) -> Tensor:
    """Votes (10000, 10) of people for each class, int64, for the test images of CIFAR-10 in file order.

    Args:
        clean: the true labels (10000,) of the images the votes are used with.

    Raises:
        InputError: if the file is missing or damaged, or fewer than 99 % of the images have most votes for
            their true label (99.21 % have, in the right order).
    """
    path = data_root(root) / "cifar-10h" / "cifar10h-counts.npy"
    if not path.exists():
        raise _absent(path, "CIFAR-10-H")
    try:
        votes = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.int64))
    except OSError as e:
        raise InputError(f"{path} cannot be read now ({reason(e)})") from e
    except (ValueError, EOFError) as e:
        raise InputError(f"{path} is damaged ({reason(e)}); remove it and fetch it again") from e
    fits = votes.ndim == 2 and len(votes) == len(clean)
    agree = float((votes.argmax(dim=1) == clean.cpu()).double().mean()) if fits else 0.0
    if agree < _PROPER_10H:
        raise InputError(
            f"{path} does not fit these images: {100 * agree:.1f} % have most votes for their label; allowed: all "
            "10,000 test images of CIFAR-10 in file order"
        )
    return votes.to(clean.device)


def entropy(votes: Tensor) -> Tensor:
    """Entropy (n,) in nats of the votes or probabilities (n, c) of each image; 0 where all agree, nan without votes."""
    p = votes.double()
    p = p / p.sum(dim=1, keepdim=True)
    return torch.special.entr(p).sum(dim=1)


def noise_rate(labels: Tensor, clean: Tensor) -> float:
    """Percent of labels that differ from the clean ones; nan of none."""
    if labels.shape != clean.shape:
        raise InputError(f"labels {tuple(labels.shape)} and clean ones {tuple(clean.shape)}; allowed: one shape")
    return 100 * float((labels != clean).double().mean())


def convert_cifar_n(root: str | Path) -> None:
    """Write `cifar-n/cifar10n.npz` and `cifar100n.npz` (uint8) from the official `.pt` files beside them.

    The `.pt` files hold a pickle; only numpy arrays and plain lists are let through.

    Raises:
        InputError: if a `.pt` file is missing, damaged or holds anything else.
    """
    rebuild = importlib.import_module("numpy._core.multiarray")._reconstruct
    allowed: list[Any] = [
        (rebuild, "numpy.core.multiarray._reconstruct"), rebuild,  # its name in numpy 1, which wrote the files
        np.ndarray, np.dtype, np.dtypes.Int64DType,
    ]  # fmt: skip
    folder = Path(root) / "cifar-n"
    for npz, pt in _FILES.values():
        target = folder / npz
        if target.exists():
            continue
        try:
            with torch.serialization.safe_globals(allowed):
                arrays = torch.load(folder / pt, weights_only=True)
        except FileNotFoundError as e:
            raise InputError(f"{folder / pt} is missing; fetch it again") from e
        except OSError as e:
            raise InputError(f"{folder / pt} cannot be read now ({reason(e)})") from e
        except (pickle.UnpicklingError, RuntimeError, EOFError) as e:
            raise InputError(f"{folder / pt} is not the official file; remove it and fetch it again") from e
        if not isinstance(arrays, dict):
            raise InputError(f"{folder / pt} is not the official file; remove it and fetch it again")
        small: dict[str, Any] = {k: np.asarray(v).astype(np.uint8) for k, v in arrays.items()}
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with open(part, "wb") as f:
                np.savez_compressed(f, **small)
            os.replace(part, target)
        except OSError as e:
            raise InputError(f"{target} cannot be written ({reason(e)}); set SSLLIB_DATA to a folder that can") from e
        finally:
            part.unlink(missing_ok=True)
