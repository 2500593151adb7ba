"""A convolution whose weight gradient, for small pictures on a CPU in bf16, is one matrix product.

The library's own kernel spends three to ten times as long there: its weight gradient walks along the pixels, and a
small network's late stages have 2 x 2 to 4 x 4 of them and hundreds of channels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PIXELS = 16
"""Of the output, at most, for the matrix product: beyond, the copies cost more than they save."""


def patches(x: Tensor, side: int, stride: int, height: int, width: int) -> Tensor:
    """What each output pixel of a convolution sees, (n * height * width, side * side * c), of images (n, c, h, w)."""
    n, c = x.shape[:2]
    if margin := side // 2:
        x = F.pad(x, (margin,) * 4)
    x = x.permute(0, 2, 3, 1).contiguous()  # (n, h, w, c)
    image, row, pixel, channel = x.stride()
    seen = x.as_strided(
        (n, height, width, side, side, c), (image, row * stride, pixel * stride, row, pixel, channel)
    )
    return seen.reshape(n * height * width, side * side * c)


class _Convolution(torch.autograd.Function):
    """`F.conv2d` of padding side // 2 without bias; see the module."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (x, weight), grad = ctx.saved_tensors, grads[0]
        outputs, _, side, _ = weight.shape
        height, width = grad.shape[-2:]
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            stride, padding = [ctx.stride] * 2, [side // 2] * 2
            of_x = torch.ops.aten.convolution_backward(
                grad, x, weight, None, stride, padding, [1, 1], False, [0, 0], 1, [True, False, False]
            )[0]
        if ctx.needs_input_grad[1]:
            rows = grad.permute(0, 2, 3, 1).reshape(-1, outputs)  # (n * height * width, outputs)
            product = rows.T @ patches(x, side, ctx.stride, height, width)
            of_weight = product.view(outputs, side, side, -1).permute(0, 3, 1, 2)
        return of_x, of_weight, None


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` with an odd square kernel, padding half its side and no bias."""

    def __init__(self, inputs: int, outputs: int, side: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, side, stride, side // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if (
            x.device.type == "cpu"
            and torch.is_autocast_enabled("cpu")
            and torch.is_grad_enabled()
            and not torch.compiler.is_compiling()
            and (x.shape[-2] // self.stride[0]) * (x.shape[-1] // self.stride[1]) <= PIXELS
        ):
            kind = torch.get_autocast_dtype("cpu")
            with torch.autocast("cpu", enabled=False):
                return _Convolution.apply(x.to(kind), self.weight.to(kind), self.stride[0])
        return super().forward(x)
