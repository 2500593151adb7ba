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
    """The directions (n, d) of embeddings (n, d), in float32 at least.

    A zero vector stays zero and takes no gradient. Rows so long or short that their squares leave the numbers
    are first brought to a size near 1; all others are divided by their norm alone.
    """
    z = wide(z)
    largest = z.detach().abs().amax(dim=1, keepdim=True)
    odd = (largest > 2.0**50) | (largest < 2.0**-39)
    brought = torch.where(largest > 0, 1 / largest.clamp(2.0**-100, 2.0**100), torch.zeros_like(largest))
    return F.normalize(z * torch.where(odd, brought, torch.ones_like(largest)), dim=1)


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
    _check_kind(a, b)
    if a.ndim != 2 or a.shape != b.shape or len(a) < least or not a.shape[1]:
        raise InputError(
            f"{names} have shapes {tuple(a.shape)} and {tuple(b.shape)}; "
            f"allowed: two tensors (n, d) with n >= {least}"
        )


def _check_kind(*tensors: Tensor) -> None:
    for z in tensors:
        if z.is_complex() or z.dtype == torch.bool:
            raise InputError(f"embeddings are {z.dtype}; allowed: real numbers")


def check_labels(z: Tensor, y: Tensor, least: int) -> None:
    """Raise `InputError` unless `z` is (n, d), n >= `least`, and `y` are its n whole-number labels."""
    _check_kind(z)
    if z.ndim != 2 or y.shape != z.shape[:1] or len(z) < least or not z.shape[1]:
        raise InputError(
            f"embeddings and labels have shapes {tuple(z.shape)} and {tuple(y.shape)}; "
            f"allowed: (n, d) and (n,) with n >= {least}"
        )
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise InputError(f"labels are {y.dtype}; allowed: whole numbers")


def check_temperature(temperature: float, name: str = "temperature") -> None:
    """Raise `InputError` unless `temperature` is a positive number that float32 can divide a cosine by."""
    in_range(name, temperature, 1e-30, 1e6)
