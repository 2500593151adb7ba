"""The one training loop.

All randomness of an epoch (the order of the images and their augmentations) comes from a generator seeded
with (seed, epoch), so a run continued from a checkpoint repeats an unbroken one exactly.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ssllib import norms
from ssllib.cut_init import cut_init_
from ssllib.engine import checkpoint, methods, stopping
from ssllib.engine import data as datasets
from ssllib.engine.config import Result
from ssllib.engine.data import ImageSet, Splits, side
from ssllib.engine.evaluation import at_the_end, knn, latents_2d
from ssllib.engine.evaluation.trained import Features, Trained
from ssllib.engine.methods.method import Method, feeding_batch_norm
from ssllib.engine.schedules import released_rate, warmup_cosine
from ssllib.engine.step import Means, autocast, forward_backward
from ssllib.engine.train_config import TrainConfig
from ssllib.engine.views import Generators
from ssllib.errors import InputError

Progress = Callable[[str], None]


def train(
    config: TrainConfig,
    *,
    data_root: str | None = None,
    device: str | None = None,
    checkpoints: Path | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
    compiled: bool = False,
) -> Result:
    """Train and evaluate one configuration.

    Args:
        data_root: where the images are; default as in `ssllib.paths.data_root`.
        device: default `cuda` when there is one, else `cpu`.
        checkpoints: folder for the state after each epoch; a run found there is continued, and so is a finished
            one of the same course (`TrainConfig.course`) that was kept there.
        deadline: `time.monotonic()` after which no further epoch starts; the result is then `interrupted`, as it
            is when `stopping.asked()`.
        progress: called with a line after each epoch.
        compiled: put the backbone through `torch.compile` (the same numbers up to rounding).

    Returns:
        A `Result` with one history row per epoch (row 0: before the first step), the final numbers, and the
        status `finished`, `diverged` (a loss that is not finite; history kept) or `interrupted`.
    """
    began = time.perf_counter()
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    at_the_end.check(config, data_root)
    splits = datasets.load(config, data_root)
    splits = Splits(*(datasets.place(part, where) for part in (splits.train, splits.held_out, splits.test)))
    shown = _shown(splits.train, config)

    torch.manual_seed(config.seed)
    model = methods.build(config)
    if config.cut != 1:
        cut_init_(model, config.cut, config.cut_which)
    model.begin()
    model = model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(model, config)
    history: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    spent, images_seen, beside = 0.0, 0, 0.0
    path = checkpoints / f"{config.identity()}.pt" if checkpoints else None
    state = _found(checkpoints, config) if checkpoints else None
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        history, spent, images_seen = state["history"], state["spent"], state["images_seen"]
        beside = state.get("beside", 0.0)
        arrays = {name: value.numpy() for name, value in state["arrays"].items()}
    else:
        history.append(_before(model, splits, shown, config, arrays))

    if compiled:
        model.backbone.compile()
    already, status = spent, "finished"

    def others() -> float:
        """Seconds of this run that went into something else than training: data, evaluations, measures."""
        return beside + time.perf_counter() - began - (spent - already)

    for epoch in range(len(history), config.epochs + 1):
        if stopping.asked() or (deadline is not None and time.monotonic() > deadline):
            status = "interrupted"
            break
        start = time.perf_counter()
        row = _one_epoch(model, optimizer, shown, config, epoch)
        seconds = time.perf_counter() - start
        spent, images_seen = spent + seconds, images_seen + len(splits.train)
        good = all(map(_finite, row.values()))
        if good and _due(config, epoch):
            row |= _evaluate(model, splits, config)
            row |= _plane(model, splits.train, config, epoch, arrays)
            good = all(map(_finite, row.values()))  # the last step of an epoch may be the one that diverges
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
                    "beside": others(),
                    "images_seen": images_seen,
                    "arrays": {name: torch.from_numpy(value) for name, value in arrays.items()},
                },
            )
            checkpoint.note(path, epoch=epoch, of=config.epochs, seconds=round(spent + others(), 1))
    final: dict[str, Any] = {}
    if status == "finished":
        trained = Trained(model.eval(), splits, config, data_root, where)
        final = _asked(model, splits.train, trained.train, splits.test, trained.test, config, "test", last=True)
        more, last_arrays = at_the_end.measure(trained)
        final |= more
        arrays |= last_arrays
    speed = {
        "training_seconds": round(spent, 2),
        "other_seconds": round(others(), 2),
        "images_per_second": round(images_seen / max(spent, 1e-9), 1),
    }
    if compiled:
        speed["compiled"] = 1
    return Result(status, history, final, arrays, speed)


def _found(folder: Path, config: TrainConfig) -> dict[str, Any] | None:
    """The state to go on from: this run's own, or that of a finished one of its course.

    The finished one was evaluated at its end; where this run would not be, its history cannot be this run's.
    """
    own = checkpoint.load(folder / f"{config.identity()}.pt")
    if own:
        return own
    for epoch, path in checkpoint.latest(folder, config.course(), config.epochs):
        if _due(config, epoch) and (state := checkpoint.load(path)):
            return state
    return None


def _shown(data: ImageSet, config: TrainConfig) -> ImageSet:
    """The training images with the labels that a semi-supervised loss may use; -1 for the others."""
    if not config.anchor_weight:
        return data
    labels = torch.full_like(data.labels, -1)
    known = datasets.labelled(data.labels, config.label_share, data.classes, config.seed)
    labels[known] = data.labels[known]
    return ImageSet(data.images, labels, data.classes)


def _due(config: TrainConfig, epoch: int) -> bool:
    """Whether an epoch ends with an evaluation."""
    if config.evaluate_at == "each epoch":
        return True
    return epoch & (epoch - 1) == 0 or epoch % 100 == 0 or epoch == config.epochs


def _plane(
    model: Method, data: ImageSet, config: TrainConfig, epoch: int, arrays: dict[str, Any]
) -> dict[str, float]:
    """Two-dimensional embeddings of this epoch, where they are asked for."""
    if "plane" not in config.measures:
        return {}
    row, arrays[f"plane_{epoch}"] = latents_2d.plane(model, data, config)
    return row


def _finite(x: float) -> bool:
    return x == x and abs(x) != float("inf")


def _line(config: TrainConfig, row: dict[str, Any], place: str, seconds: float) -> str:
    return (
        f"epoch {row['epoch']:>3}/{config.epochs}  loss {row['loss']:.3f}  "
        f"norm {row[f'norm_{place}']:.2f}  k-NN {row.get('knn_val', float('nan')):.1f}  {seconds:.1f} s"
    )


def _optimizer(model: Method, config: TrainConfig) -> torch.optim.Optimizer:
    groups = model.groups()
    if config.rate_before_norm != 1:
        groups = _apart(groups, feeding_batch_norm(model, side(config)), config)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(
            groups, lr=config.lr, betas=(config.momentum, 0.999), weight_decay=config.weight_decay
        )
    return torch.optim.SGD(
        groups,
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.nesterov,
    )


def _apart(groups: list[dict[str, Any]], before: list[torch.nn.Parameter], config: TrainConfig) -> list[dict[str, Any]]:
    """The groups with the weights `before` a batch norm in groups of their own, at another rate and decay."""
    if not before:
        raise InputError(f"rate_before_norm is {config.rate_before_norm:g}, no weight feeds a batch norm; allowed: 1")
    chosen = set(map(id, before))
    own = {"times": config.rate_before_norm, "weight_decay": config.weight_decay / config.rate_before_norm}
    found = []
    for group in groups:
        for inside in (False, True):
            params = [p for p in group["params"] if (id(p) in chosen) is inside]
            if params:
                found.append(group | {"params": params} | (own if inside else {}))
    return found


def _one_epoch(
    model: Method, optimizer: torch.optim.Optimizer, data: ImageSet, config: TrainConfig, epoch: int
) -> dict[str, Any]:
    """Every image once (the last incomplete batch is dropped); means over the steps."""
    model.train()
    device = data.labels.device
    g = Generators(config, epoch, device)
    order = torch.randperm(len(data), generator=g.own, device=device)
    steps = len(data) // config.batch_size
    means, rate = Means(), 0.0
    for i in range(steps):
        done = (epoch - 1) * steps + i
        rate = _rate(config, done, steps)
        for group in optimizer.param_groups:
            group["lr"] = (config.lr if group.get("constant") else rate) * group.get("times", 1.0)
        optimizer.zero_grad(set_to_none=True)
        batch = order[i * config.batch_size : (i + 1) * config.batch_size]
        values = forward_backward(model, data, batch, config, g)
        optimizer.step()
        model.after_step(done / (config.schedule_epochs * steps))
        norm = values[f"norm_{model.embedding}"]
        means.add(eff_lr=rate / norm, eff_lr2=rate / norm**2, **values)
    return {"epoch": epoch, "lr": rate} | means.read()


def _rate(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    schedule = released_rate if config.released("rate") else warmup_cosine
    stretch = 1
    if config.released("accumulation") and config.micro_batch:
        stretch = config.batch_size // config.micro_batch
    return schedule(
        step,
        peak=config.lr,
        warmup_steps=round(config.warmup_epochs * steps_per_epoch) * stretch,
        total_steps=config.schedule_epochs * steps_per_epoch * stretch,
    )


def _before(
    model: Method, splits: Splits, shown: ImageSet, config: TrainConfig, arrays: dict[str, Any]
) -> dict[str, Any]:
    """Row 0: one batch and one evaluation of the untrained network, on a copy."""
    twin = copy.deepcopy(model)
    twin.train()
    device = splits.train.labels.device
    g = Generators(config, 0, device)
    index = torch.randperm(len(splits.train), generator=g.own, device=device)[: config.batch_size]
    means = Means()
    means.add(**forward_backward(twin, shown, index, config, g))
    knn.calibrate_batch_norm(twin, splits.train)
    row = {"epoch": 0, "lr": 0.0} | means.read()
    row |= _evaluate(twin, splits, config)
    return row | _plane(twin, splits.train, config, 0, arrays)


def _evaluate(model: Method, splits: Splits, config: TrainConfig) -> dict[str, float]:
    """The held-out images asked by k-NN, in evaluation mode; nothing where there are none."""
    model.eval()
    if not len(splits.held_out):
        return {}
    device = splits.train.labels.device
    with autocast(config, device):
        known = knn.features(model.embed, splits.train, device=device)
        asked = knn.features(model.embed, splits.held_out, device=device)
    return _asked(model, splits.train, known, splits.held_out, asked, config, "val")


def _asked(
    model: Method, bank: ImageSet, known: Features, queries: ImageSet, asked: Features, config: TrainConfig, name: str,
    *, last: bool = False,
) -> dict[str, float]:  # fmt: skip
    """k-NN of clean images at backbone and embedding, and clean norms; `last` adds k = 10.

    So does the measure `knn`; with it, or under the released protocol's `bank`, an epoch is asked in each way.
    """
    k = min(config.knn_k, len(bank))
    row: dict[str, float] = {}
    for place in known:
        label = "" if place == "backbone" else f"_{place}"
        found = knn.knn_predict(known[place], bank.labels, asked[place], k, config.knn_temperature)
        row[f"knn{label}_{name}"] = knn.accuracy(found, queries.labels)
        row[f"norm_{place}_{name}"] = norms.norm_statistics(asked[place])["mean"]
        if last or "knn" in config.measures:
            found = knn.knn_predict(known[place], bank.labels, asked[place], min(10, len(bank)))
            row[f"knn10{label}_{name}"] = knn.accuracy(found, queries.labels)
    if config.released("bank"):
        data = knn.knn_bank("augmented", bank, seed=config.seed, batch=min(256, len(bank)))
        with autocast(config, bank.labels.device):
            seen = knn.features(model.embed, data, device=bank.labels.device)["backbone"]
        found = knn.knn_predict(seen, data.labels, asked["backbone"], k, config.knn_temperature)
        row[f"knn_augmented_{name}"] = knn.accuracy(found, queries.labels)
    row[f"effective_rank_{name}"] = norms.effective_rank(asked["projector"])
    return row
