"""SimCLR's augmentation of 32x32 images on one core: ours, torchvision's and kornia's.

All crop (area 0.08 to 1), flip, jitter the colours (0.4, 0.4, 0.4, 0.1, with probability 0.8) and take the colour
away (with probability 0.2), and give one view (256, 3, 32, 32) of a batch drawn at random: ours in bf16, as a step of
the `cpu` scale reads it, the others in float32; ours without a compiler, by tensor operations, is beside.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.timing import Options, Report, parts, take_turns
from ssllib import augment as library
from ssllib import native
from ssllib.augment import augment, to_float
from ssllib.engine.data.shapes import shapes

CROP_MIN, JITTER, GRAY = 0.08, 0.5, 0.2
STRENGTHS = (0.8 * JITTER, 0.8 * JITTER, 0.8 * JITTER, 0.2 * JITTER)  # brightness, contrast, saturation, hue

PARTS = {
    "crop and colours": (native, "views"), "drawing": (library, "draw"),
}  # fmt: skip
"""What `ssllib.augment` spends its time in: functions that do not call one another."""
OURS, TENSORS, PEER = "ssllib", "ssllib without a compiler", "torchvision"


def pil_transform() -> Callable:
    """torchvision's per-image pipeline from a PIL image to a tensor (3, 32, 32)."""
    from torchvision import transforms as T

    return T.Compose(
        [
            T.RandomResizedCrop(32, scale=(CROP_MIN, 1.0)),
            T.RandomHorizontalFlip(),
            T.RandomApply([T.ColorJitter(*STRENGTHS)], p=0.8),
            T.RandomGrayscale(GRAY),
            T.ToTensor(),
        ]
    )


class PilImages(Dataset):
    """Bytes (n, 3, h, w) as torchvision's CIFAR10 serves them: each image through PIL and the transform."""

    def __init__(self, images: Tensor, transform: Callable) -> None:
        self.pixels = images.permute(0, 2, 3, 1).contiguous().numpy()  # (n, h, w, 3)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> Tensor:
        from PIL import Image

        return self.transform(Image.fromarray(self.pixels[i]))


def kornia_transform() -> nn.Module:
    """kornia's batched pipeline; ImportError where it is not installed."""
    import kornia.augmentation as K

    return nn.Sequential(
        K.RandomResizedCrop((32, 32), scale=(CROP_MIN, 1.0), cropping_mode="resample"),  # its batched way
        K.RandomHorizontalFlip(),
        K.ColorJitter(*STRENGTHS, p=0.8),
        K.RandomGrayscale(p=GRAY),
    )


def measure(options: Options) -> Report:
    n, size, repeats = (256, 64, 1) if options.tiny else (10240, 256, options.repeats or 9)
    images = shapes(n).images
    g = torch.Generator().manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def batches() -> list[Tensor]:
        return list(torch.randperm(n, generator=g).split(size))

    def ours() -> float:
        for index in batches():
            augment(images[index], g, crop_min=CROP_MIN, jitter=JITTER, gray=GRAY, half=True)
        return n

    def tensors() -> float:
        with mock.patch.object(native, "views", lambda *_: None):
            return ours()

    peer, some = PilImages(images, pil_transform()), n // 10

    def torchvision() -> float:
        for index in torch.randperm(n, generator=g)[:some].split(size):
            torch.stack([peer[i] for i in index.tolist()])
        return some

    sides: dict[str, Callable[[], float]] = {OURS: ours, TENSORS: tensors, PEER: torchvision}
    skipped = {}
    try:
        theirs = kornia_transform()
    except ImportError:
        skipped["kornia"] = "not installed; `pip install kornia`, or put a folder that has it on PYTHONPATH"
    else:

        def kornia() -> float:
            for index in batches():
                theirs(to_float(images[index]))
            return n

        sides["kornia"] = kornia
    if native.library("augment") is None:
        del sides[TENSORS]
        skipped["compiled code"] = "no C compiler, so these are tensor operations"
    rates = take_turns(sides, repeats, processor_time=options.processor_time)
    profile = parts(ours, PARTS)
    torch.set_num_threads(threads)
    return Report(
        title="Augmentation (one SimCLR view), one core",
        unit="images/s",
        ours=OURS,
        rates=rates,
        goal=(f"{OURS} / {PEER}", 20),
        settings={"threads": 1, "images": n, "batch": size, "shape": [3, 32, 32], "turns": repeats},
        skipped=skipped,
        profile=profile,
    )
