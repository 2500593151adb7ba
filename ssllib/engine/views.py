"""The random views of a batch, and the generators they are drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ssllib.augment import augment
from ssllib.engine.data import ImageSet
from ssllib.engine.train_config import TrainConfig


class Generators:
    """An epoch's randomness: a generator on the device and, on a GPU, one on the host, so that none is waited for."""

    def __init__(self, config: TrainConfig, epoch: int, device: torch.device) -> None:
        seed = (config.seed + 1) * 1_000_003 + epoch
        self.device = device
        self.own = torch.Generator(device).manual_seed(seed)
        self.host = None if device.type == "cpu" else torch.Generator().manual_seed(seed)


def view(
    images: Tensor,
    config: TrainConfig,
    own: torch.Generator,
    host: torch.Generator | None = None,
    *,
    local: bool = False,
    half: bool = False,
) -> Tensor:
    """A random view (n, 3, h, w) of each image, or a small local crop (n, 3, s, s), on the generator's device.

    Floats in [0, 1], float32 or (`half`) bfloat16, in channels-last order.
    """
    crop: dict[str, Any] = {"crop_min": config.crop_min}
    if local:
        crop = {"crop_min": config.local_min, "crop_max": config.local_max, "side": config.local_size}
        crop["antialias"] = False  # as in the records; the official DINO code resizes with Pillow, which does
    found = augment(
        images, own, **crop, jitter=config.jitter, gray=config.gray, apart=config.released("augmentation"),
        host=host, half=half,
    )  # fmt: skip
    return found.contiguous(memory_format=torch.channels_last)


def views(data: ImageSet, index: Tensor, config: TrainConfig, g: Generators) -> Iterator[Tensor]:
    """Two random views (n, 3, h, w) of the images at `index`, then the small local crops (n, 3, s, s), if any.

    They are bfloat16 in a run of that precision, whose first layer would round them anyway.
    """
    half = config.precision == "bf16"
    images = data.images[index.to(data.images.device)].to(g.device, non_blocking=True)
    for _ in range(2):
        yield view(images, config, g.own, g.host, half=half)
    for _ in range(config.local_crops):
        yield view(images, config, g.own, g.host, local=True, half=half)
