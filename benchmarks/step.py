"""The whole training step (views, forward, backward, measurements, optimizer) against ready-made views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.timing import Options, Report, parts, take_turns
from ssllib.engine import loop, methods, views
from ssllib.engine import step as passes
from ssllib.engine.data import ImageSet
from ssllib.engine.data.shapes import shapes
from ssllib.engine.train_config import TrainConfig
from ssllib.runs import experiments

PARTS = {
    "views": (views, "augment"),
    "backward": (torch.Tensor, "backward"),
    "norms and cosines": (passes, "_measure"),
    "gradient norms": (passes, "_gradients"),
    "optimizer": (torch.optim.SGD, "step"),
}
"""What a step is made of, besides the model's forward pass."""


class Steps:
    """Some steps of `ssllib.engine.loop` on `n` images, with its own views or with ready-made random ones."""

    def __init__(self, config: TrainConfig, n: int, device: str = "cpu") -> None:
        torch.manual_seed(0)
        self.config, self.n, where = config, n // config.batch_size * config.batch_size, torch.device(device)
        data = shapes(self.n)
        self.data = ImageSet(data.images.to(where), data.labels.to(where), data.classes)
        self.model = methods.build(config)
        self.model.begin()
        self.model = self.model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = loop._optimizer(self.model, config)
        shape = (config.batch_size, *data.images.shape[1:])
        dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        self.ready = [torch.rand(shape, device=where).to(dtype, memory_format=torch.channels_last) for _ in range(2)]

    def whole(self) -> float:
        """An epoch as the training loop does it; returns the number of images."""
        loop._one_epoch(self.model, self.optimizer, self.data, self.config, 1)
        return self.n

    def on_ready_views(self) -> float:
        """The same, but every batch has the same two random views, made beforehand."""

        def ready(data: ImageSet, index: Tensor, *_: Any) -> Iterator[Tensor]:
            return iter(view[: len(index)] for view in self.ready)

        with mock.patch.object(passes, "views", ready):
            return self.whole()


def measure(options: Options) -> Report:
    config: TrainConfig = experiments.get("simclr-arms").cell("cpu", "default").config  # type: ignore[assignment]
    if options.tiny:
        config = config.replace(batch_size=16, width=4)
    steps = Steps(config, 32 if options.tiny else 6 * config.batch_size)
    repeats = 1 if options.tiny else options.repeats or 9
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sides = {"ssllib": steps.whole, "ready-made views": steps.on_ready_views}
    rates = take_turns(sides, repeats, processor_time=options.processor_time)
    profile = parts(steps.whole, PARTS | {"forward": (type(steps.model), "forward")}, repeats=1)
    torch.set_num_threads(threads)
    return Report(
        title="Training step (SimCLR, `cpu` scale), one core",
        unit="images/s",
        ours="ssllib",
        rates=rates,
        goal=("ssllib / ready-made views", 0.95),
        settings={
            "threads": 1, "backbone": config.backbone, "width": config.width, "batch": config.batch_size,
            "precision": config.precision, "turns": repeats,
        },
        profile=profile,
    )  # fmt: skip
