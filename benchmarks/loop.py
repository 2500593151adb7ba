"""The whole training loop on the machine's cores: two runs of ours side by side against one of `lightly`.

Both train SimCLR on 32 x 32 images with the same small network (the `cpu` scale's backbone and head), batch 256. Ours
are two processes with a thread each, as `run --jobs 2` starts them. The peer is the loop of lightly's own example
(https://docs.lightly.ai/self-supervised-learning/examples/simclr.html) in one process with two threads and a
DataLoader of two workers: `SimCLRTransform` on PIL images without blur, `SimCLRProjectionHead`, `NTXentLoss`, SGD, in
float32 as there and, beside it, under bf16 autocast.

Every side runs in processes of its own, `python -m benchmarks.loop SIDE STEPS`; their first steps do not count.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.augment import CROP_MIN, GRAY, JITTER, PilImages
from benchmarks.step import PARTS, Steps
from benchmarks.timing import Options, Report, parts, processor_seconds
from ssllib.engine.data.shapes import shapes
from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.train_config import TrainConfig
from ssllib.runs import experiments

OURS, PEER, PEER_BF16 = "ssllib, two runs", "lightly", "lightly, bf16"
RUNS = 2  # of ours, side by side; and the peer's threads and workers
WARMUP = 4  # steps that do not count


def config_of(tiny: bool) -> TrainConfig:
    """The default arm at cpu scale."""
    config: TrainConfig = experiments.get("simclr-arms").cell("cpu", "default").config  # type: ignore[assignment]
    return config.replace(batch_size=16, width=4, proj_hidden=8, proj_dim=8) if tiny else config


class Labelled(Dataset):
    """The images of `PilImages`, each with a label, as a set of lightly's wants them."""

    def __init__(self, images: Tensor, transform: Callable) -> None:
        self.images = PilImages(images, transform)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        return self.images[i], 0


def peer_steps(config: TrainConfig, images: Tensor, half: bool) -> Iterator[float]:
    """The loop of lightly's example on our network; yields each step's loss, read as there.

    Raises:
        ImportError: where lightly is not installed.
    """
    from lightly.loss import NTXentLoss
    from lightly.models.modules import SimCLRProjectionHead
    from lightly.transforms import SimCLRTransform

    backbone = backbone_of(config)
    model = nn.Sequential(
        backbone, SimCLRProjectionHead(backbone.features, config.proj_hidden, config.proj_dim)
    )
    transform = SimCLRTransform(
        input_size=images.shape[-1], cj_strength=JITTER, min_scale=CROP_MIN, random_gray_scale=GRAY, gaussian_blur=0.0
    )
    loader = DataLoader(
        Labelled(images, transform), config.batch_size, shuffle=True, drop_last=True, num_workers=RUNS
    )
    criterion = NTXentLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.06)
    for views, _ in loader:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            z0, z1 = (model(view) for view in views)
        loss = criterion(z0.float(), z1.float())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        yield float(loss.detach())


def timed(work: Callable[[], float]) -> dict[str, float]:
    """Images, and the wall and processor seconds they took."""
    wall, processor = time.perf_counter(), processor_seconds()
    images = work()
    return {
        "images": images, "wall": time.perf_counter() - wall, "processor": processor_seconds() - processor,
    }  # fmt: skip


def run_side(side: str, count: int, tiny: bool) -> dict[str, float]:
    """`count` steps of one run of a side in this process."""
    config = config_of(tiny)
    if side == OURS:
        torch.set_num_threads(1)
        steps = Steps(config, WARMUP * config.batch_size)
        steps.whole()
        steps.n = count * config.batch_size
        steps.data = shapes(steps.n)
        return timed(steps.whole)
    torch.set_num_threads(RUNS)
    torch.manual_seed(0)
    loop = peer_steps(config, shapes((WARMUP + count) * config.batch_size).images, side == PEER_BF16)
    for _ in range(WARMUP):
        next(loop)
    return timed(lambda: sum(config.batch_size for _ in zip(range(count), loop, strict=False)))


def side_by_side(side: str, count: int, options: Options) -> float:
    """Images a second of a side: ours the sum of its runs. By processor time, a core's second is a second of each.

    Raises:
        RuntimeError: if a process fails, with what it said.
    """
    command = [sys.executable, "-m", "benchmarks.loop", side, str(count), *(["--tiny"] if options.tiny else [])]
    here: Any = {"cwd": Path(__file__).resolve().parent.parent, "env": os.environ | {"OMP_NUM_THREADS": str(RUNS)}}
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **here)
        for _ in range(RUNS if side == OURS else 1)
    ]
    rate = 0.0
    said = [run.communicate() for run in runs]
    for run, (out, error) in zip(runs, said, strict=True):
        if run.returncode:
            raise RuntimeError(f"{side}: {error}")
        found = json.loads(out.splitlines()[-1])
        cores = 1 if side == OURS else RUNS
        seconds = found["processor"] / cores if options.processor_time else found["wall"]
        rate += found["images"] / seconds
    return rate


def measure(options: Options) -> Report:
    repeats = 1 if options.tiny else options.repeats or 5
    counts = {OURS: 2, PEER: 2, PEER_BF16: 2} if options.tiny else {OURS: 60, PEER: 15, PEER_BF16: 15}
    rates: dict[str, list[float]] = {side: [] for side in counts}
    skipped: dict[str, str] = {}
    if importlib.util.find_spec("lightly") is None:
        skipped[PEER] = "not installed; `pip install lightly`, or put a folder that has it on PYTHONPATH"
        del rates[PEER], rates[PEER_BF16]
    for turn in range(repeats):
        for side in rates if turn % 2 == 0 else reversed(list(rates)):
            rates[side].append(side_by_side(side, counts[side], options))
    config, threads = config_of(options.tiny), torch.get_num_threads()
    torch.set_num_threads(1)
    steps = Steps(config, 2 * config.batch_size)
    profile = parts(steps.whole, PARTS | {"forward": (type(steps.model), "forward")}, repeats=2)
    torch.set_num_threads(threads)
    return Report(
        title="Training loop (SimCLR, `cpu` scale, batch 256), two cores",
        unit="two-view images/s",
        ours=OURS,
        rates=rates,
        goal=(f"{OURS} / {PEER}", 5),
        settings={
            "threads": RUNS, "backbone": config.backbone, "width": config.width, "batch": config.batch_size,
            "steps": {side: counts[side] for side in rates}, "turns": repeats,
        },
        skipped=skipped,
        notes=[
            f"{OURS} sums up both runs, each with one thread and {config.precision}; {PEER} is one run with "
            f"{RUNS} threads and {RUNS} workers, float32 as in its example."
        ],
        profile=profile,
    )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run_side(sys.argv[1], int(sys.argv[2]), "--tiny" in sys.argv)))
