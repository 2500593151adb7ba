"""What several losses share: wide arithmetic, unit vectors, checks of shapes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.errors import InputError, in_range


def wide(z: Tensor) -> Tensor:
    """`z` in float32, or in float64 if it is."""
    return z.to(torch.promote_types(z.dtype, torch.float32))


def unit(z: Tensor) -> Tensor:
    """The directions (n, d) of embeddings (n, d), in float32 at least; a zero vector stays zero."""
    return F.normalize(wide(z), dim=1)


def product(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product, in the type of its factors also under autocast.

    Autocast would round cosines to bfloat16: an error of 0.4 %, divided by the temperature, in every logit.
    """
    with torch.autocast(a.device.type, enabled=False):
        return a @ b


def diagonal(n: int, z: Tensor) -> Tensor:
    """A mask (n, n), on the device of `z`, true on its diagonal."""
    return torch.eye(n, dtype=torch.bool, device=z.device)


def check_pair(a: Tensor, b: Tensor, least: int = 1, names: str = "the two views") -> None:
    """Raise `InputError` unless both are (n, d), of one shape, with n >= `least`."""
    if a.ndim != 2 or a.shape != b.shape or len(a) < least:
        raise InputError(
            f"{names} have shapes {tuple(a.shape)} and {tuple(b.shape)}; "
            f"allowed: two tensors (n, d) with n >= {least}"
        )


def check_labels(z: Tensor, y: Tensor, least: int) -> None:
    """Raise `InputError` unless `z` is (n, d), n >= `least`, and `y` are its n whole-number labels."""
    if z.ndim != 2 or y.shape != z.shape[:1] or len(z) < least:
        raise InputError(
            f"embeddings and labels have shapes {tuple(z.shape)} and {tuple(y.shape)}; "
            f"allowed: (n, d) and (n,) with n >= {least}"
        )
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise InputError(f"labels are {y.dtype}; allowed: whole numbers")


def check_temperature(temperature: float, name: str = "temperature") -> None:
    """Raise `InputError` unless `temperature` is a positive number."""
    in_range(name, temperature, 0, 1e6, open_low=True)
