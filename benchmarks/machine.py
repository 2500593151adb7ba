"""Share of the machine: a step's arithmetic against what one core reaches in a large bf16 matrix product.

Counted are the convolutions and matrix products of the forward and backward pass, as torch.utils.flop_counter counts
them, and nothing else: views, batch norm, the loss's softmax, the measurements and the optimizer only take time.
"""

from __future__ import annotations

import torch

from benchmarks.gpu import flops_per_image
from benchmarks.step import Steps
from benchmarks.timing import Options, Report, profiled, take_turns
from ssllib.engine.train_config import TrainConfig
from ssllib.runs import experiments

PRODUCT = "bf16 matrix product"


def measure(options: Options) -> Report:
    config: TrainConfig = experiments.get("simclr-arms").cell("cpu", "default").config  # type: ignore[assignment]
    if options.tiny:
        config = config.replace(batch_size=16, width=4)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    steps = Steps(config, 32 if options.tiny else 6 * config.batch_size)
    work = flops_per_image(steps) / 1e9
    size, repeats = (128, 1) if options.tiny else (2048, options.repeats or 9)
    a, b = (torch.randn(size, size).bfloat16() for _ in range(2))

    def ours() -> float:
        return steps.whole() * work

    def ready() -> float:
        return steps.on_ready_views() * work

    def product() -> float:
        for _ in range(10):
            a @ b
        return 10 * 2 * size**3 / 1e9

    sides = {"ssllib": ours, PRODUCT: product, "ssllib on ready-made views": ready}
    rates = take_turns(sides, repeats, processor_time=options.processor_time)
    profile = profiled(steps.whole)
    torch.set_num_threads(threads)
    return Report(
        title="Share of one core (SimCLR, `cpu` scale)",
        unit="GFLOP/s",
        ours="ssllib",
        rates=rates,
        goal=(f"ssllib / {PRODUCT}", 0.6),
        settings={
            "threads": 1, "backbone": config.backbone, "width": config.width, "batch": config.batch_size,
            "precision": config.precision, "matrix": size, "GFLOP per image": round(work, 4), "turns": repeats,
        },
        notes=[f"{1000 * work:.3g} MFLOP for an image with its two views, forward and backward."],
        profile=profile,
    )  # fmt: skip
