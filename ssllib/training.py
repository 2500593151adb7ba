"""The one training loop.

All randomness of an epoch (the order of the images and their augmentations) comes from a generator seeded
with (seed, epoch), so a run continued from a checkpoint repeats an unbroken one exactly.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssllib import checkpoint, datasets, evaluate, models, norms
from ssllib.augment import augment
from ssllib.config import TrainConfig
from ssllib.cut_init import cut_init_
from ssllib.datasets import ImageSet, Splits
from ssllib.models.method import Method
from ssllib.records import Result
from ssllib.schedules import warmup_cosine

Progress = Callable[[str], None]


def train(
    config: TrainConfig,
    *,
    data_root: str | None = None,
    device: str | None = None,
    checkpoints: Path | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train and evaluate one configuration.

    Args:
        data_root: where the images are; default as in `ssllib.paths.data_root`.
        device: default `cuda` when there is one, else `cpu`.
        checkpoints: folder for the state after each epoch; a run found there is continued.
        deadline: `time.monotonic()` after which no further epoch starts; the result is then `interrupted`.
        progress: called with a line after each epoch.

    Returns:
        A `Result` with one history row per epoch (row 0: before the first step), the final numbers, and the
        status `finished`, `diverged` (a loss that is not finite; history kept) or `interrupted`.
    """
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    splits = datasets.load(config, data_root)
    splits = Splits(splits.train.to(where), splits.held_out.to(where), splits.test.to(where))

    torch.manual_seed(config.seed)
    model = models.build(config)
    if config.cut != 1:
        cut_init_(model, config.cut, config.cut_which)
    model.begin()
    model = model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(model, config)
    history: list[dict[str, Any]] = []
    spent, images_seen = 0.0, 0
    path = checkpoints / f"{config.identity()}.pt" if checkpoints else None
    state = checkpoint.load(path) if path else None
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        history, spent, images_seen = state["history"], state["spent"], state["images_seen"]
    else:
        history.append(_before(model, splits, config))

    status = "finished"
    for epoch in range(len(history), config.epochs + 1):
        if deadline is not None and time.monotonic() > deadline:
            status = "interrupted"
            break
        start = time.perf_counter()
        row = _one_epoch(model, optimizer, splits.train, config, epoch)
        seconds = time.perf_counter() - start
        spent, images_seen = spent + seconds, images_seen + len(splits.train)
        good = all(map(_finite, row.values()))
        if good:
            row |= _evaluate(model, splits.train, splits.held_out, config, "val")
        history.append(row)
        if progress:
            progress(_line(config, row, model.embedding, seconds))
        if not good:
            status = "diverged"
            break
        if path:
            checkpoint.save(
                path,
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "history": history,
                    "spent": spent,
                    "images_seen": images_seen,
                },
            )
    final: dict[str, Any] = {}
    if status == "finished":
        final = _evaluate(model, splits.train, splits.test, config, "test", last=True)
    speed = {"training_seconds": round(spent, 2), "images_per_second": round(images_seen / max(spent, 1e-9), 1)}
    return Result(status, history, final, {}, speed)


def _finite(x: float) -> bool:
    return x == x and abs(x) != float("inf")


def _line(config: TrainConfig, row: dict[str, Any], place: str, seconds: float) -> str:
    return (
        f"epoch {row['epoch']:>3}/{config.epochs}  loss {row['loss']:.3f}  "
        f"norm {row[f'norm_{place}']:.2f}  k-NN {row.get('knn_val', float('nan')):.1f}  {seconds:.1f} s"
    )


def _optimizer(model: Method, config: TrainConfig) -> torch.optim.Optimizer:
    if config.optimizer == "adamw":
        return torch.optim.AdamW(
            model.groups(), lr=config.lr, betas=(config.momentum, 0.999), weight_decay=config.weight_decay
        )
    return torch.optim.SGD(
        model.groups(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )


def _autocast(config: TrainConfig, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16")


def _views(data: ImageSet, index: Tensor, config: TrainConfig, generator: torch.Generator) -> Iterator[Tensor]:
    """Two random views (n, 3, h, w) of the images at `index`, then the local crops (n, 3, s, s), if so set."""
    images = data.images[index]
    for _ in range(2):
        view = augment(
            images, generator, crop_min=config.crop_min, jitter=config.jitter, gray=config.gray
        )
        yield view.contiguous(memory_format=torch.channels_last)
    for _ in range(config.local_crops):
        view = augment(
            images, generator, crop_min=config.local_min, crop_max=config.local_max, side=config.local_size,
            jitter=config.jitter, gray=config.gray,
        )  # fmt: skip
        yield view.contiguous(memory_format=torch.channels_last)


def _generator(config: TrainConfig, epoch: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed((config.seed + 1) * 1_000_003 + epoch)


class _Means:
    """Running means of scalars that stay on the device until the epoch ends."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, **values: Tensor) -> None:
        for name, value in values.items():
            value = value.detach().double()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.count += 1

    def read(self) -> dict[str, float]:
        stacked = torch.stack(list(self.sums.values())) / max(1, self.count)
        return dict(zip(self.sums, stacked.tolist(), strict=True))


def _measure(out: dict[str, Tensor], embedding: str) -> dict[str, Tensor]:
    """Norms at each place, and how the embeddings lie to their targets (by default the other view's)."""
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        for place, z in out.items():
            n = torch.linalg.vector_norm(z.float(), dim=1)
            values[f"norm_{place}"], values[f"norm_{place}_cv"] = n.mean(), n.std() / n.mean().clamp_min(1e-30)
        z1, z2 = (out[embedding], out["target"]) if "target" in out else out[embedding].chunk(2)
        cosine = norms.pair_cosines(z1, z2)
        values["alignment"] = cosine.mean()
        values["opposite"] = 100 * (cosine < 0).float().mean()
        values["opposite_78"] = 100 * (cosine < -0.9238795).float().mean()  # cos(7 pi / 8)
    return values


def _gradients(model: torch.nn.Module, own: Tensor) -> dict[str, Tensor]:
    """Norm of the gradient of all parameters, and the mean norm of a sample's own gradient at the embedding."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    with torch.no_grad():
        total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    return {"grad_norm": total, "grad_norm_embedding": own}


def _own_gradient(z: Tensor) -> Tensor:
    """Mean norm of the rows' gradients of a loss that is a mean over the rows, as if each row were alone."""
    assert z.grad is not None
    return torch.linalg.vector_norm(z.grad.float(), dim=1).mean() * len(z)


def _step(
    model: Method, data: ImageSet, index: Tensor, config: TrainConfig, g: torch.Generator
) -> dict[str, Tensor]:
    """Forward and backward of one batch, in micro-batches if so set; gradients of the mean are left in place."""
    parts = index.split(config.micro_batch or len(index))
    rows, own = [], []
    for part in parts:
        views = list(_views(data, part, config, g))
        with _autocast(config, data.images.device):
            loss, out = model(*views)
        z = out[model.embedding]
        z.retain_grad()
        (loss / len(parts)).backward()
        rows.append({"loss": loss.detach()} | _measure(out, model.embedding))
        own.append(_own_gradient(z) * len(parts))
    means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
    return means | _gradients(model, torch.stack(own).mean())


def _one_epoch(
    model: Method, optimizer: torch.optim.Optimizer, data: ImageSet, config: TrainConfig, epoch: int
) -> dict[str, Any]:
    """Every image once (the last incomplete batch is dropped); means over the steps."""
    model.train()
    device = data.images.device
    g = _generator(config, epoch, device)
    order = torch.randperm(len(data), generator=g, device=device)
    steps = len(data) // config.batch_size
    means, rate = _Means(), 0.0
    for i in range(steps):
        done = (epoch - 1) * steps + i
        rate = _rate(config, done, steps)
        for group in optimizer.param_groups:
            group["lr"] = config.lr if group.get("constant") else rate
        optimizer.zero_grad(set_to_none=True)
        values = _step(model, data, order[i * config.batch_size : (i + 1) * config.batch_size], config, g)
        optimizer.step()
        model.after_step(done / (config.schedule_epochs * steps))
        norm = values[f"norm_{model.embedding}"]
        means.add(eff_lr=rate / norm, eff_lr2=rate / norm**2, **values)
    return {"epoch": epoch, "lr": rate} | means.read()


def _rate(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    return warmup_cosine(
        step,
        peak=config.lr,
        warmup_steps=round(config.warmup_epochs * steps_per_epoch),
        total_steps=config.schedule_epochs * steps_per_epoch,
    )


def _before(model: Method, splits: Splits, config: TrainConfig) -> dict[str, Any]:
    """Row 0: one batch and one evaluation of the untrained network, on a copy."""
    twin = copy.deepcopy(model)
    twin.train()
    device = splits.train.images.device
    g = _generator(config, 0, device)
    index = torch.randperm(len(splits.train), generator=g, device=device)[: config.batch_size]
    means = _Means()
    means.add(**_step(twin, splits.train, index, config, g))
    evaluate.calibrate_batch_norm(twin, splits.train)
    return {"epoch": 0, "lr": 0.0} | means.read() | _evaluate(twin, splits.train, splits.held_out, config, "val")


def _evaluate(
    model: Method, bank: ImageSet, queries: ImageSet, config: TrainConfig, name: str, *, last: bool = False
) -> dict[str, float]:
    """k-NN of clean images at backbone and embedding, and clean norms; `last` adds k = 10."""
    model.eval()
    with _autocast(config, bank.images.device):
        known, asked = evaluate.features(model.embed, bank), evaluate.features(model.embed, queries)
    k = min(config.knn_k, len(bank))
    row: dict[str, float] = {}
    for place in known:
        label = "" if place == "backbone" else f"_{place}"
        found = evaluate.knn_predict(known[place], bank.labels, asked[place], k, config.knn_temperature)
        row[f"knn{label}_{name}"] = evaluate.accuracy(found, queries.labels)
        row[f"norm_{place}_{name}"] = norms.norm_statistics(asked[place])["mean"]
        if last:
            found = evaluate.knn_predict(known[place], bank.labels, asked[place], min(10, len(bank)))
            row[f"knn10{label}_{name}"] = evaluate.accuracy(found, queries.labels)
    row[f"effective_rank_{name}"] = norms.effective_rank(asked["projector"])
    return row
