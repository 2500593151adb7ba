"""GradScale: the identity forward; backward, each sample's gradient times its norm to a power.

Source: 2502.09252, section 6 and Listing 2.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssllib.errors import in_range


class _ScaleGrad(torch.autograd.Function):
    @staticmethod
    def forward(z: Tensor, power: float) -> Tensor:
        return z.view_as(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        z, ctx.power = inputs
        ctx.save_for_backward(z)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        grad = grads[0]
        wide = torch.promote_types(z.dtype, torch.float32)  # a norm in half precision overflows at 65504
        norm = torch.linalg.vector_norm(z.to(wide), dim=-1, keepdim=True)
        return (grad.to(wide) * norm**ctx.power).to(grad.dtype), None


def scale_grad(z: Tensor, power: float = 1.0) -> Tensor:
    r"""Return `z` unchanged, with gradient $\|z_i\|^p \, \partial L / \partial z_i$ behind it.

    Put it between the network and a loss that normalises its input. With `power=0` nothing changes; with
    `power=1` the factor $1/\|z_i\|$ of the cosine similarity's gradient is cancelled.

    Args:
        z: embeddings, shape (..., d); the norm is taken over the last dimension.
        power: the exponent p, from 0 to 4.

    Returns:
        A tensor equal to `z`, same shape and dtype. A zero vector receives a zero gradient for p > 0.

    Raises:
        InputError: if `power` is out of range.

    Source: 2502.09252, section 6, Listing 2.
    """
    in_range("GradScale power", power, 0, 4)
    if power == 0:
        return z
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
