"""GradScale: the identity forward; backward, each sample's gradient times its norm to a power.

Source: 2502.09252, section 6 and Listing 2.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssllib.errors import InputError, in_range


class _ScaleGrad(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, power: float) -> Tensor:
        return z.clone()  # not a view, which an operation in place behind it would not be allowed to change

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        z, ctx.power = inputs
        ctx.save_for_backward(z)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return _scaled(grads[0], z, ctx.power), None


def _scaled(grad: Tensor, z: Tensor, power: float) -> Tensor:
    r"""$\|z_i\|^p$ times the rows of `grad` (..., d), finite wherever the product is; twice differentiable."""
    wide = torch.promote_types(z.dtype, torch.float32)  # a norm in half precision overflows at 65504
    grad_wide, z = grad.to(wide), z.to(wide)
    norm = torch.linalg.vector_norm(z.detach(), dim=-1, keepdim=True)
    far = 10.0 ** min(18, 36 / power)  # float32 holds squares and powers of norms from 1 / far to far
    odd = ~((norm > 1 / far) & (norm < far))  # zero and not finite, too
    one = torch.ones_like(z)
    usual = grad_wide * torch.linalg.vector_norm(torch.where(odd, one, z), dim=-1, keepdim=True) ** power
    # Else the norm is that of z over its largest entry, and the power of that entry is taken in four factors.
    largest = z.detach().abs().amax(dim=-1, keepdim=True)
    zero = largest == 0
    part = torch.where(zero, torch.zeros_like(largest), largest ** (power / 4))
    small = torch.where(odd & ~zero, z, one) / torch.where(odd & ~zero, largest, torch.ones_like(largest))
    rest = grad_wide * torch.linalg.vector_norm(small, dim=-1, keepdim=True) ** power
    for _ in range(4):
        rest = rest * part
    return torch.where(odd, rest, usual).to(grad.dtype)


def scale_grad(z: Tensor, power: float = 1.0) -> Tensor:
    r"""Return `z` unchanged, with gradient $\|z_i\|^p \, \partial L / \partial z_i$ behind it.

    Put it between the network and a loss that normalises its input. With `power=0` nothing changes; with
    `power=1` the factor $1/\|z_i\|$ of the cosine similarity's gradient is cancelled.

    Args:
        z: embeddings, shape (..., d), floating point; the norm is taken over the last dimension.
        power: the exponent p, from 0 to 4.

    Returns:
        A tensor equal to `z`, same shape and dtype. A zero vector receives a zero gradient for p > 0. It works
        under `torch.func.vmap` (one sample then is (d,)), `torch.compile` and a second differentiation, in which
        the norm's derivative at a zero vector counts as zero.

    Raises:
        InputError: if `power` is out of range, or `z` is not floating point or has no dimension.

    Source: 2502.09252, section 6, Listing 2.
    """
    in_range("GradScale power", power, 0, 4)
    if power == 0:
        return z
    if not z.is_floating_point() or z.ndim == 0:
        raise InputError(f"z is a {z.dtype} tensor of shape {tuple(z.shape)}; allowed: floating point, (..., d)")
    return _ScaleGrad.apply(z, float(power))


class GradScale(nn.Module):
    """`scale_grad` as a layer: append it to a projector or predictor.

    >>> head = nn.Sequential(nn.Linear(512, 128), GradScale(power=1.0))
    """

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        in_range("GradScale power", power, 0, 4)
        self.power = float(power)

    def forward(self, z: Tensor) -> Tensor:
        """Shape (..., d) in and out; see `scale_grad`."""
        return scale_grad(z, self.power)

    def extra_repr(self) -> str:
        return f"power={self.power:g}"
