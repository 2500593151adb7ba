"""How long a run will take on this device, from a few steps timed on noise."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import torch

from ssllib import evaluate, measures, models, training
from ssllib.confidence import BLENDS
from ssllib.config import RunConfig
from ssllib.datasets import CLASSES, SIZES, ImageSet, side
from ssllib.datasets.imbalance import exponential_counts
from ssllib.train_config import TrainConfig

_PIXELS = 8 * 32 * 32  # in a batch of the probe on a CPU


def minutes(config: RunConfig) -> float | None:
    """Expected minutes of a training on the device that would run it; None for other kinds of run.

    Two training steps and a pass without gradients are timed on random images, and extrapolated by the number of
    images; evaluations count, and so does fine-tuning (as half a step an image). Loading data, k-NN itself and
    the linear probe are left out.
    """
    if not isinstance(config, TrainConfig) or config.dataset.startswith("folder:"):
        return None
    step, embed = _per_image(_shape_of(config))
    train, held_out, test = images(config)
    evaluations = sum(training._due(config, epoch) for epoch in range(config.epochs + 1))
    seconds = config.epochs * train * step + evaluations * (train + held_out) * embed + (train + test) * embed
    if "confidence" in config.measures:
        others = train + test if config.dataset == "shapes" else sum(SIZES["cifar10"])  # the other CIFAR is as large
        seconds += others * embed
    if "people" in config.measures:
        seconds += (BLENDS if config.dataset == "shapes" else SIZES[config.dataset][0]) * embed
    if "finetune" in config.measures:
        shares = sum(config.finetune_shares) + 0.1 * len(measures.RATES)  # each rate is tried with 10 % of the labels
        seconds += shares * train * config.finetune_epochs * step / 2
    return seconds / 60


def images(config: TrainConfig) -> tuple[int, int, int]:
    """Training, held-out and test images of a configuration."""
    whole, test = SIZES[config.dataset]
    train = config.train_images or whole - (0 if config.dataset == "shapes" else config.held_out)
    if config.imbalance:
        classes = CLASSES[config.dataset]
        train = sum(exponential_counts(whole // classes, config.imbalance, classes))
    return train, config.held_out, config.test_images or test


def _shape_of(config: TrainConfig) -> TrainConfig:
    """The configuration without what does not change the time of a step."""
    return config.replace(
        seed=0, dataset="cifar10", imbalance=0.0, train_images=0, test_images=0, held_out=0, epochs=0, lr=0.1,
        weight_decay=0.0, cut=1.0, gradscale=0.0, measures=(), anchor_weight=0.0,
        loss="info-nce" if config.loss == "none" else config.loss, schedule_epochs=1, warmup_epochs=0.0,
        finetune_epochs=1, image_size=side(config),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _per_image(config: TrainConfig) -> tuple[float, float]:
    """Seconds an image of a training step, and of an evaluation."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch = config.micro_batch or config.batch_size
    if device.type == "cpu":
        batch = min(batch, max(4, _PIXELS // config.image_size**2))
    config = config.replace(batch_size=batch, micro_batch=0, queue=max(config.queue, batch))
    noise = torch.randint(0, 256, (batch, 3, config.image_size, config.image_size), dtype=torch.uint8)
    data = ImageSet(noise, torch.zeros(batch, dtype=torch.int64), 10).to(device)
    model = models.build(config)
    model.begin()
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = training._optimizer(model, config)

    def once() -> None:
        training._one_epoch(model, optimizer, data, config, 1)

    def look() -> None:
        model.eval()
        evaluate.features(model.embed, data)

    return _timed(once, device) / batch, _timed(look, device) / batch


def _timed(call: Callable[[], None], device: torch.device, times: int = 2) -> float:
    """Seconds of one call, after one that does not count; of a CPU that has nothing else to do."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    threads = 1 if device.type == "cuda" else torch.get_num_threads()
    seconds = 0.0
    for i in range(times + 1):
        start = clock()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds += (clock() - start) * (i > 0)
    return seconds / times / threads
