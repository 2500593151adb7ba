"""SimCLR's augmentations for a whole batch at once, on the device the images are on.

One random resized crop with flip (a single bilinear resampling), then brightness, contrast, saturation and
hue in a random order, then grayscale. Every image has its own parameters; the order of the four colour
operations is drawn once a batch. Source: Chen et al. 2020, appendix A; parameters as in torchvision.

Tensor operations make the views in fp32, anywhere; those in bf16, on a CPU with a C compiler, are made by
`ssllib.native`: equal up to rounding, and many times faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib import native
from ssllib.errors import InputError, in_range

LUMA = (0.2989, 0.587, 0.114)  # torchvision's weights of red, green and blue


@dataclass
class Parameters:
    """What was drawn for a batch of n images."""

    top: Tensor  # (n,) of the crop, in pixels
    left: Tensor
    height: Tensor
    width: Tensor
    flip: Tensor  # (n,) bool
    brightness: Tensor  # (n,) factors; 1 leaves the image as it is
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # (n,) shift in turns; 0 leaves the image as it is
    gray: Tensor  # (n,) bool
    order: list[int]  # of brightness, contrast, saturation, hue


def draw(
    n: int,
    size: tuple[int, int],
    generator: torch.Generator,
    *,
    crop_min: float,
    jitter: float,
    gray: float,
    crop_max: float = 1.0,
    apart: bool = False,
    host: torch.Generator | None = None,
) -> Parameters:
    """Draw parameters for `n` images of `size` (height, width), on the generator's device.

    Crop: area uniform in [crop_min, crop_max], log aspect ratio uniform in [log 3/4, log 4/3], up to ten tries and
    then the whole image, integer corners, as `torchvision.transforms.RandomResizedCrop`. Colour jitter of
    strength `jitter` (0.8, 0.8, 0.8, 0.2 times it) with probability 0.8; grayscale with probability `gray`.

    Args:
        apart: each colour operation has its own coin of 0.8, and their order is fixed (the released code of
            2502.09252, `get_transforms`).
        host: draws the order of the colour operations, on the CPU; without it `generator` does, and a GPU has
            to be waited for.

    Raises:
        InputError: if an argument is out of range (areas in (0, 1], `jitter` 0 to 2, `gray` 0 to 1).
    """
    in_range("crop_max", crop_max, 0, 1, open_low=True)
    in_range("crop_min", crop_min, 0, crop_max, open_low=True)
    in_range("jitter", jitter, 0, 2)
    in_range("gray", gray, 0, 1)
    device, (h, w) = generator.device, size

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device) * (high - low) + low

    area = uniform(crop_min, crop_max, n, 10) * (h * w)
    ratio = torch.exp(uniform(math.log(3 / 4), math.log(4 / 3), n, 10))
    cw, ch = torch.round(torch.sqrt(area * ratio)), torch.round(torch.sqrt(area / ratio))
    fits = (cw > 0) & (cw <= w) & (ch > 0) & (ch <= h)
    first = fits.float().argmax(dim=1, keepdim=True)  # the first try that fits
    any_fits = fits.any(dim=1)
    cw = torch.where(any_fits, cw.gather(1, first)[:, 0], torch.full_like(any_fits, w, dtype=torch.float32))
    ch = torch.where(any_fits, ch.gather(1, first)[:, 0], torch.full_like(any_fits, h, dtype=torch.float32))
    top = torch.floor(uniform(0, 1, n) * (h - ch + 1))
    left = torch.floor(uniform(0, 1, n) * (w - cw + 1))

    coins = uniform(0, 1, 4, n) < 0.8 if apart else (uniform(0, 1, n) < 0.8).expand(4, n)
    strength = 0.8 * jitter
    one, zero = torch.ones(n, device=device), torch.zeros(n, device=device)
    b, c, s = (
        torch.where(on, uniform(max(0.0, 1 - strength), 1 + strength, n), one) for on in coins[:3].unbind()
    )
    hue = torch.where(coins[3], uniform(-0.2 * jitter, 0.2 * jitter, n), zero)
    flip, colourless = uniform(0, 1, n) < 0.5, uniform(0, 1, n) < gray
    order = [0, 1, 2, 3] if apart else _order(generator, host)
    return Parameters(top, left, ch, cw, flip, b, c, s, hue, colourless, order)


def _order(generator: torch.Generator, host: torch.Generator | None) -> list[int]:
    if host is None:
        host = torch.Generator().manual_seed(_seed(generator))
    return torch.randperm(4, generator=host).tolist()


def _seed(generator: torch.Generator) -> int:
    """A number from `generator` (one small copy to the host)."""
    return int(torch.randint(2**31, (1,), generator=generator, device=generator.device))


def crop(images: Tensor, p: Parameters, side: int = 0, *, antialias: bool = True) -> Tensor:
    """Crop, flip and resize, bilinear with pixel centres; (n, 3, h, w) float in.

    Args:
        side: height and width of the result, where they are not the images'.
        antialias: where a crop is made smaller, average over the pixels that a new one covers, as torchvision and
            Pillow do; else two neighbours are mixed whatever lies between. Without `side` no crop is made smaller.
    """
    h, w = images.shape[-2:]
    if not len(images):
        return images.new_empty(0, images.shape[1], side or h, side or w)
    if antialias and 0 < side < max(h, w):
        rows = _coverage(p.top, p.height, h, side)
        columns = _coverage(p.left, p.width, w, side)
        columns = torch.where(p.flip[:, None, None], columns.flip(1), columns)
        with torch.autocast(images.device.type, enabled=False):
            return rows[:, None] @ images @ columns[:, None].mT
    sx, sy = p.width / w, p.height / h
    cx, cy = (2 * p.left + p.width) / w - 1, (2 * p.top + p.height) / h - 1
    zero = torch.zeros_like(sx)
    sx = torch.where(p.flip, -sx, sx)
    theta = torch.stack([sx, zero, cx, zero, sy, cy], dim=1).view(-1, 2, 3)
    shape = [*images.shape[:2], side or h, side or w]
    grid = F.affine_grid(theta, shape, align_corners=False)
    # A resized crop repeats its own border pixels; clamp the grid to their centres.
    low = torch.stack([(2 * p.left + 1) / w - 1, (2 * p.top + 1) / h - 1], dim=1)[:, None, None, :]
    high = torch.stack(
        [(2 * (p.left + p.width) - 1) / w - 1, (2 * (p.top + p.height) - 1) / h - 1], dim=1
    )[:, None, None, :]
    return F.grid_sample(images, grid.clamp(low, high), mode="bilinear", padding_mode="border", align_corners=False)


def _coverage(first: Tensor, length: Tensor, pixels: int, side: int) -> Tensor:
    """Weights (n, side, pixels) of the pixels in `side` new ones, which lie evenly over `length` pixels from `first`.

    A triangle as wide as two new pixels, or two old ones if those are wider, cut off at the crop's border.
    """
    scale = (length / side)[:, None, None]  # old pixels in a new one
    new = (torch.arange(side, device=first.device) + 0.5)[:, None] * scale  # (n, side, 1), from the crop's border
    old = torch.arange(pixels, device=first.device) + 0.5 - first[:, None, None]  # (n, 1, pixels)
    weight = (1 - (old - new).abs() / scale.clamp_min(1)).clamp_min(0)
    weight = weight * ((old > 0) & (old < length[:, None, None]))
    return weight / weight.sum(dim=2, keepdim=True)


def grayscale(images: Tensor) -> Tensor:
    """(n, 3, h, w) to (n, 1, h, w)."""
    r, g, b = images.unbind(dim=1)
    return (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b)[:, None]


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """`factor * images + (1 - factor) * other`, clamped to [0, 1]."""
    f = factor[:, None, None, None]
    return torch.lerp(other.expand_as(images), images, f).clamp_(0, 1)


def shift_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue of HSV by `shift` turns; (n, 3, h, w) in [0, 1]."""
    r, g, b = images.unbind(dim=1)
    value, low = images.amax(dim=1), images.amin(dim=1)
    chroma = value - low
    safe = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    hue = torch.where(
        value == r, (g - b) / safe, torch.where(value == g, 2 + (b - r) / safe, 4 + (r - g) / safe)
    )  # in sixths of a turn
    hue = hue + 6 * shift[:, None, None]
    offsets = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    k = torch.remainder(hue[:, None] + offsets, 6)
    return value[:, None] - chroma[:, None] * torch.minimum(k, 4 - k).clamp_(0, 1)


def colour(images: Tensor, p: Parameters) -> Tensor:
    """The four colour operations in the drawn order, then grayscale; (n, 3, h, w) in [0, 1]."""
    for op in p.order:
        if op == 0:
            images = (images * p.brightness[:, None, None, None]).clamp_(0, 1)
        elif op == 1:
            images = blend(images, grayscale(images).mean(dim=(1, 2, 3), keepdim=True), p.contrast)
        elif op == 2:
            images = blend(images, grayscale(images), p.saturation)
        else:
            images = shift_hue(images, p.hue)
    return torch.where(p.gray[:, None, None, None], grayscale(images), images)


def to_float(images: Tensor) -> Tensor:
    """Bytes (n, 3, h, w) to floats in [0, 1], in memory of their own.

    Raises:
        InputError: if they are no bytes (floats in [0, 1] would come out 255 times too dark).
    """
    if images.dtype != torch.uint8:
        raise InputError(f"images are {images.dtype}; allowed: bytes (torch.uint8) from 0 to 255")
    return images.float().div_(255)


def augment(
    images: Tensor,
    generator: torch.Generator,
    *,
    crop_min: float,
    jitter: float,
    gray: float,
    crop_max: float = 1.0,
    side: int = 0,
    apart: bool = False,
    host: torch.Generator | None = None,
    half: bool = False,
    antialias: bool = True,
) -> Tensor:
    """One random view of each image: bytes (n, 3, h, w) in, floats in [0, 1] of the same shape out; see `draw`.

    Args:
        side: the view's height and width where they are not the image's, in pixels.
        half: bfloat16 in channels-last order, as a step in mixed precision reads it, in place of float32.
        antialias: as in `crop`; it matters where `side` is given.

    Raises:
        InputError: if the images are no bytes (n, 3, h, w), or an argument is out of range; see `draw`.
    """
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise InputError(f"images are {images.dtype} {tuple(images.shape)}; allowed: bytes (torch.uint8) (n, 3, h, w)")
    size = (int(images.shape[-2]), int(images.shape[-1]))
    p = draw(
        len(images), size, generator, crop_min=crop_min, crop_max=crop_max, jitter=jitter, gray=gray, apart=apart,
        host=host,
    )  # fmt: skip
    if not half:
        return colour(crop(to_float(images), p, side, antialias=antialias), p)
    plain = images.device.type == "cpu" and not (antialias and 0 < side < max(size))
    made = native.views(images, p, side) if plain else None
    if made is None:
        made = colour(crop(to_float(images), p, side, antialias=antialias), p)
    return made.to(torch.bfloat16, memory_format=torch.channels_last)
