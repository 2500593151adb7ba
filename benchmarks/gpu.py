"""SimCLR with ResNet-18 on images of CIFAR-10's shape, batch 512, against dkobak/simclr-cifar10 on the same card.

Ours is the training step of `ssllib` in bf16 and channels-last, everything on the card. The peer is that
repository's pipeline in our words: PIL images through torchvision's transforms in a DataLoader with a process for
every CPU core, torchvision's ResNet-18 with a 3x3 stem and a head 512-1024-128, in fp32. With `--peer FOLDER` (a
checkout of it) its own code, up to its training loop, is measured too. Without a GPU only `--tiny` runs.
"""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.step import Steps
from benchmarks.timing import Options, Report, Unavailable, profiled, spread, take_turns
from ssllib.engine.data.shapes import shapes
from ssllib.engine.step import forward_backward
from ssllib.engine.views import Generators
from ssllib.runs import experiments

BATCH = 512
PEER = "dkobak/simclr-cifar10"
GOAL_H200 = 25_000  # two-view images/s on an H200


class Pairs(Dataset):
    """In place of torchvision's CIFAR10: pictures of its shape in memory, through PIL and a transform."""

    def __init__(self, images: Tensor, transform: Callable) -> None:
        self.pixels = images.permute(0, 2, 3, 1).contiguous().numpy()  # (n, h, w, 3)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.pixels[i])), 0


class TwoViews:
    """The peer's two views of a PIL image: crop, flip, jitter with p = 0.8, grayscale with p = 0.1."""

    def __init__(self) -> None:
        from torchvision import transforms as T

        self.one = T.Compose(
            [
                T.RandomResizedCrop(32, scale=(0.2, 1.0)),
                T.RandomHorizontalFlip(),
                T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                T.RandomGrayscale(0.1),
                T.ToTensor(),
            ]
        )

    def __call__(self, image: Any) -> tuple[Tensor, Tensor]:
        return self.one(image), self.one(image)


class Network(nn.Module):
    """torchvision's ResNet-18 with a 3x3 stem, and the head 512-1024-128 without batch norm."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet18

        self.backbone = resnet18(weights=None)
        features = self.backbone.fc.in_features
        self.backbone.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.backbone.maxpool, self.backbone.fc = nn.Identity(), nn.Identity()
        self.head = nn.Sequential(nn.Linear(features, 1024), nn.ReLU(), nn.Linear(1024, 128))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        h = self.backbone(images)
        return h, self.head(h)


def nt_xent(z: Tensor, temperature: float = 0.5) -> Tensor:
    """InfoNCE over all other samples of (2n, d), row i and i + n of one image."""
    z = F.normalize(z, dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(z) // 2))


class Restated:
    """The peer's setup in our words, under the names that its own file gives."""

    def __init__(self, images: Tensor, batch: int, workers: int) -> None:
        model = Network()
        self.names: dict[str, Any] = {
            "model": model,
            "infoNCE": nt_xent,
            "optimizer": torch.optim.SGD(model.parameters(), lr=0.03 * batch / 256, momentum=0.9, weight_decay=5e-4),
            "cifar10_loader_ssl": DataLoader(
                Pairs(images, TwoViews()), batch, shuffle=True, num_workers=workers,
                pin_memory=torch.cuda.is_available(),
            ),
        }  # fmt: skip


def original(folder: Path, images: Tensor, batch: int, workers: int) -> dict[str, Any]:
    """What the peer's own file defines before its training loop, on our images and with all cores."""
    source = (folder / "simclr-cifar10.py").read_text(encoding="utf-8")
    setup = re.split(r"^#+ TRAINING LOOP", source, maxsplit=1, flags=re.M)[0]
    for name, value in (("BATCH_SIZE", batch), ("N_CPU_WORKERS", workers)):
        setup, found = re.subn(rf"^{name} *=.*$", f"{name} = {value}", setup, flags=re.M)
        if not found:
            raise Unavailable(f"{folder} is not the peer that this was written for: it sets no {name}")
    names: dict[str, Any] = {"__name__": "peer"}
    with mock.patch("torchvision.datasets.CIFAR10", lambda root, train, transform: Pairs(images, transform)):
        exec(compile(setup, str(folder / "simclr-cifar10.py"), "exec"), names)
    names["cifar10_loader_ssl"].pin_memory &= torch.cuda.is_available()
    names["cifar10_loader_ssl"].multiprocessing_context = "fork" if workers else None
    return names


def epoch_of(names: dict[str, Any], device: str) -> Callable[[], float]:
    """An epoch of the peer's loop: both views in passes of their own, the loss read at every step."""
    model, optimizer, loss_of = names["model"].to(device), names["optimizer"], names["infoNCE"]
    model.train()

    def epoch() -> float:
        seen = 0
        for views, _ in names["cifar10_loader_ssl"]:
            view1, view2 = (v.to(device, non_blocking=True) for v in views)
            optimizer.zero_grad()
            loss = loss_of(torch.cat((model(view1)[1], model(view2)[1])))
            loss.item()
            loss.backward()
            optimizer.step()
            seen += len(view1)
        return seen

    return epoch


def matrix_rate(n: int, device: str, repeats: int) -> list[float]:
    """Floating-point operations a second of bf16 matrix products (n, n) @ (n, n)."""
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))

    def products() -> float:
        for _ in range(10):
            a @ b
        return 10 * 2.0 * n**3

    return take_turns({"product": products}, repeats, sync=device == "cuda")["product"]


def flops_per_image(steps: Steps) -> float:
    """Operations of convolutions and matrix products, forward and backward, for both views of an image."""
    generators = Generators(steps.config, 1, steps.data.labels.device)
    index = torch.arange(steps.config.batch_size, device=steps.data.images.device)
    with FlopCounterMode(display=False) as counter:
        forward_backward(steps.model, steps.data, index, steps.config, generators)
    return counter.get_total_flops() / len(index)


def _sides(steps: Steps, device: str, options: Options, skipped: dict[str, str]) -> Iterator[tuple[str, Callable]]:
    config, n, workers = steps.config, steps.n, os.cpu_count() or 1
    yield "ssllib", steps.whole
    yield "ssllib on ready-made views", steps.on_ready_views
    compiled = Steps(config, n, device)
    # The CPU's `--tiny` only shows that the step can be compiled; code is made for the GPU.
    backend = "inductor" if device == "cuda" else "aot_eager"
    compiled.model.embed = torch.compile(compiled.model.embed, backend=backend)  # type: ignore[method-assign]
    try:
        compiled.whole()
        yield "ssllib, torch.compile", compiled.whole
    except Exception as e:  # no compiler, or one that fails: a line of the report
        skipped["ssllib, torch.compile"] = f"{type(e).__name__}: {str(e).strip().splitlines()[0]}"
    images = shapes(n).images
    yield PEER, epoch_of(Restated(images, config.batch_size, workers).names, device)
    if options.peer is None:
        skipped[f"{PEER}, its own file"] = "no `--peer FOLDER` with a checkout of it was given"
    else:
        yield f"{PEER}, its own file", epoch_of(original(options.peer, images, config.batch_size, workers), device)


def measure(options: Options) -> Report:
    cuda = torch.cuda.is_available()
    if not cuda and not options.tiny:
        raise Unavailable("no CUDA device here; `python -m benchmarks gpu --tiny` shows on the CPU that it works")
    device = "cuda" if cuda else "cpu"
    config = experiments.get("simclr-arms").cell("gpu", "default").config.replace(batch_size=BATCH)
    if options.tiny:
        config = config.replace(batch_size=8, width=4, proj_hidden=8, proj_dim=8)
    steps = Steps(config, 16 if options.tiny else 50_000, device)
    repeats = 1 if options.tiny else options.repeats or 3
    skipped: dict[str, str] = {}
    rates = take_turns(dict(_sides(steps, device, options, skipped)), repeats, sync=cuda)
    peak = matrix_rate(8192 if cuda else 256, device, 1 if options.tiny else 5)
    work, rate = flops_per_image(steps), statistics.median(rates["ssllib"])
    share = 100 * work * rate / statistics.median(peak)
    return Report(
        title=f"SimCLR, ResNet-18, batch {config.batch_size}, bf16",
        unit="two-view images/s",
        ours="ssllib",
        rates=rates,
        goal=(f"ssllib / {PEER}", 5),
        settings={"images": steps.n, "batch": config.batch_size, "workers": os.cpu_count(), "turns": repeats,
                  "matrix rate, TFLOP/s": spread([p / 1e12 for p in peak]), "GFLOP per image": round(work / 1e9, 3)},
        skipped=skipped,
        notes=[
            f"{work / 1e9:.2f} GFLOP for an image with its two views: {work * rate / 1e12:.3g} TFLOP/s, {share:.1f} % "
            f"of the {statistics.median(peak) / 1e12:.3g} TFLOP/s that a large bf16 matrix product reaches here.",
            f"The goal on an H200 is {GOAL_H200:,} two-view images/s; here it is {rate:,.0f}.",
        ],
        profile=profiled(steps.whole, cuda=cuda),
    )  # fmt: skip
