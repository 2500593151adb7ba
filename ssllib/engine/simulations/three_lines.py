r"""Simulation of three lines in 3-D: what each loss makes of three noisy rank-1 clusters.

Source: 2403.18699 section 3 and Table 2. Points near three lines through the origin are embedded in R^3 by a
network of three dense layers; the positive of a point is its negative plus noise. How near the embeddings are to one
line, and how far apart the lines of the three clusters are, is measured at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ssllib import losses
from ssllib.engine import config as configs
from ssllib.engine.config import Result
from ssllib.engine.simulations.lines import axes, measures, rank1_share, separation
from ssllib.errors import InputError, in_range, one_of

CLUSTERS = 3
DIM = 3
LOSSES = ("infonce", "dcl", "vicreg", "barlow-twins", "none")
_ROWS = 12  # of the history, after its first


@configs.register("simulation:three-lines")
@dataclass(frozen=True)
class ThreeLinesConfig(configs.RunConfig):
    """Settings of the simulation. What the paper states, and where the rest is from:

    - Stated: three rank-1 clusters with Gaussian noise in the unit ball of R^3; times -1 plus Gaussian noise
      as augmentation; three dense layers with ReLU and batch norm; SimCLR's scheme of two views; the losses.
    - Stated for the paper's CIFAR runs, taken over: SGD, batch 128, labels for 10 % of the points.
    - From the authors' earlier code: temperature 1, momentum 0.9, weight decay 5e-4.
    - From the official codes of VICReg and Barlow Twins: their weights (the defaults of `ssllib.losses`).
    - Ours: 100 points a line, placed uniformly on it from end to end; lines in uniformly random directions,
      drawn again until every two are at least 30 degrees apart; both noises with deviation 0.05; two hidden
      layers of 64, each followed by batch norm and ReLU, and a last layer with neither; both views in one
      pass; new noise at each step; constant rate; 3000 steps as "until convergence"; the anchor term added to
      InfoNCE as a mean with weight 1, on both views of the labelled points of the batch.
    """

    runner: ClassVar[str] = "ssllib.engine.simulations.three_lines:run_three_lines"

    loss: str = "infonce"  # one of LOSSES; "none": the anchor term alone
    anchors: str = "none"  # the anchor term: "none", "mean" (weight 1), "printed" (both terms sums)
    labels: int = 10  # points of each cluster whose label the anchor term sees
    rate: float = 0.1
    steps: int = 3000
    temperature: float = 1.0  # InfoNCE, DCL
    batch_size: int = 128
    momentum: float = 0.9
    weight_decay: float = 5e-4
    hidden: int = 64
    batch_norm: str = "hidden"  # "none", "hidden", "all" (after the last layer too)
    points: int = 100  # of each cluster
    spread: float = 0.05  # standard deviation of the clusters' noise, each coordinate
    noise: float = 0.05  # of the augmentation's
    views: str = "negated"  # "signs": both views are +-x plus noise; "once": the noise is drawn once for all
    lines: str = "random"  # "orthogonal": the three lines are

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("loss", self.loss, LOSSES)
        one_of("anchors", self.anchors, ("none", "mean", "printed"))
        one_of("batch_norm", self.batch_norm, ("none", "hidden", "all"))
        one_of("views", self.views, ("negated", "signs", "once"))
        one_of("lines", self.lines, ("random", "orthogonal"))
        for name, low, high in (("steps", 1, 10**7), ("hidden", 1, 2**14), ("points", 2, 10**5)):
            _whole(name, getattr(self, name), low, high)
        _whole("batch_size", self.batch_size, 2, CLUSTERS * self.points)
        _whole("labels", self.labels, 0, self.points)
        in_range("rate", self.rate, 0, 1e4, open_low=True)
        in_range("temperature", self.temperature, 0, 100, open_low=True)
        in_range("momentum", self.momentum, 0, 0.9999)
        for name in ("weight_decay", "spread", "noise"):
            in_range(name, getattr(self, name), 0, 10)
        if self.loss == "none" and (self.anchors == "none" or not self.labels):
            raise InputError("loss is 'none' without anchors or without labels; allowed: one term at least")


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int):
        raise InputError(f"{name} is {value!r}; allowed: a whole number")
    in_range(name, value, low, high)


# --- the data ---------------------------------------------------------------------------------------------


def directions(kind: str, generator: torch.Generator) -> Tensor:
    """The three lines' unit vectors, shape (3, 3): orthonormal, or random and at least 30 degrees apart."""
    while True:
        u = torch.randn(CLUSTERS, DIM, generator=generator, dtype=torch.float64)
        if kind == "orthogonal":
            return torch.linalg.qr(u).Q.T.contiguous()
        u = u / u.norm(dim=1, keepdim=True)
        if separation(u) >= 30:
            return u


def cloud(config: ThreeLinesConfig) -> tuple[Tensor, Tensor]:
    """The points (3 * points, 3), float32, cluster after cluster, and their clusters (3 * points,).

    A point is t u + noise with t uniform in [-1, 1]; one outside the unit ball is put back onto its surface.
    """
    generator = torch.Generator().manual_seed(config.seed)
    u = directions(config.lines, generator)
    y = torch.arange(CLUSTERS).repeat_interleave(config.points)
    t = 2 * torch.rand(len(y), 1, generator=generator, dtype=torch.float64) - 1
    x = t * u[y] + config.spread * torch.randn(len(y), DIM, generator=generator, dtype=torch.float64)
    return (x / x.norm(dim=1, keepdim=True).clamp(min=1)).float(), y


def augmented(x: Tensor, config: ThreeLinesConfig, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two views (n, 3) of points (n, 3): the point and its noisy negative, or ("signs") both +-x plus noise."""

    def noisy(z: Tensor) -> Tensor:
        return z + config.noise * torch.randn(z.shape, generator=generator)

    if config.views == "signs":
        signs = 2.0 * torch.randint(0, 2, (2, len(x), 1), generator=generator) - 1
        return noisy(signs[0] * x), noisy(signs[1] * x)
    return x, noisy(-x)


# --- the network and its loss -----------------------------------------------------------------------------


def network(config: ThreeLinesConfig) -> nn.Sequential:
    """Three dense layers 3 - hidden - hidden - 3, PyTorch's initialization drawn from the run's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        sizes = (DIM, config.hidden, config.hidden, DIM)
        layers: list[nn.Module] = []
        for i in range(3):
            layers.append(nn.Linear(sizes[i], sizes[i + 1]))
            if config.batch_norm == "all" or (config.batch_norm == "hidden" and i < 2):
                layers.append(nn.BatchNorm1d(sizes[i + 1]))
            if i < 2:
                layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def objective(z1: Tensor, z2: Tensor, y: Tensor, targets: Tensor, config: ThreeLinesConfig) -> Tensor:
    """The run's own loss of a batch, a scalar.

    Args:
        z1, z2: the two views' embeddings, shape (n, 3).
        y: clusters of the labelled points, -1 for the others, shape (n,).
        targets: the anchors, shape (3, 3).
    """
    total = torch.zeros(())
    if config.loss == "infonce":
        total = losses.info_nce(z1, z2, config.temperature)
    elif config.loss == "dcl":
        total = losses.dcl(z1, z2, config.temperature)
    elif config.loss == "vicreg":
        total = losses.vicreg(z1, z2)
    elif config.loss == "barlow-twins":
        total = losses.barlow_twins(z1, z2)
    if config.anchors != "none":
        known = torch.cat([y, y]) >= 0
        z, label = torch.cat([z1, z2])[known], torch.cat([y, y])[known]
        pull = losses.cloa_anchor(z, label, targets, "mean" if config.anchors == "mean" else "sum")
        total = total + (pull if config.anchors == "mean" else pull / (2 * len(z1)))
    return total


# --- the run ----------------------------------------------------------------------------------------------


def run_three_lines(config: ThreeLinesConfig) -> Result:
    """Train, and measure the embeddings of all points and of one noisy negative each, batch norm as in use.

    Returns:
        A `Result`. History: 13 rows with `step`, `loss` (mean since the row before), `rank1_share`, `separation`.
        Final: `measures` and, with `input_` before the name, the same of the input; `loss` over the last tenth of the
        steps and `loss_change`, its difference from the tenth before. Array: `embeddings` (6 * points, 3), float16,
        in units of their root mean square length. A loss that is no longer finite ends the run as "diverged".
    """
    x, y = cloud(config)
    targets = losses.orthonormal_anchors(CLUSTERS, DIM, seed=config.seed)
    known = torch.arange(len(y)) % config.points < config.labels
    labels = torch.where(known, y, -1)
    model = network(config)
    draws = torch.Generator().manual_seed(2**31 + config.seed)
    shown = torch.cat(augmented(x, config, draws))  # what is measured and drawn
    once = torch.randn(x.shape, generator=draws) * config.noise - x  # the partners of views = "once"
    sgd = torch.optim.SGD(
        model.parameters(), lr=config.rate, momentum=config.momentum, weight_decay=config.weight_decay
    )
    marks = {round(config.steps * i / _ROWS) for i in range(1, _ROWS + 1)}
    history: list[dict[str, Any]] = [{"step": 0} | _brief(embed(model, shown), y)]
    values: list[float] = []
    for step in range(1, config.steps + 1):
        batch = torch.randperm(len(x), generator=draws)[: config.batch_size]
        view1, view2 = augmented(x[batch], config, draws)
        if config.views == "once":
            view2 = once[batch]
        z1, z2 = model(torch.cat([view1, view2])).chunk(2)
        loss = objective(z1, z2, labels[batch], targets, config)
        if loss.requires_grad:  # not where the anchor term is alone and no labelled point is in the batch
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        values.append(loss.item())
        if not math.isfinite(values[-1]):
            return Result(status="diverged", history=history, final={"steps": step})
        if step in marks:
            z = embed(model, shown)
            if not bool(z.isfinite().all()):
                return Result(status="diverged", history=history, final={"steps": step})
            since = values[int(history[-1]["step"]) :]
            history.append({"step": step, "loss": math.fsum(since) / len(since)} | _brief(z, y))
    tenth = max(1, config.steps // 10)
    parts = values[-tenth:], values[-2 * tenth : -tenth] or values
    last, before = (math.fsum(part) / len(part) for part in parts)
    final = measures(z, y) | {f"input_{k}": v for k, v in measures(shown, y).items()}
    scale = z.square().sum(1).mean().sqrt()
    return Result(
        status="finished",
        history=history,
        final=final | {"loss": last, "loss_change": last - before},
        arrays={"embeddings": (z / scale).half().numpy()},
    )


def embed(model: nn.Module, x: Tensor) -> Tensor:
    """The embeddings (n, 3) of x (n, 3), with batch norm's running statistics."""
    model.eval()
    with torch.no_grad():
        z = model(x)
    model.train()
    return z


def _brief(z: Tensor, y: Tensor) -> dict[str, float]:
    return {"rank1_share": rank1_share(z), "separation": separation(axes(z, torch.cat([y, y])))}


def best_rate(final_losses: Mapping[float, Sequence[float | None]]) -> float:
    """The learning rate whose runs end with the lowest mean of their own loss; nothing else is looked at.

    Args:
        final_losses: for each rate the runs' `loss`, None for a run that diverged, which rules its rate out.
            Of equal rates the smallest is taken.
    """
    means = {
        rate: math.fsum(v for v in values if v is not None) / len(values)
        for rate, values in sorted(final_losses.items())
        if values and None not in values
    }
    if not means:
        raise InputError("every learning rate has a run that diverged; allowed: one rate at least without any")
    return min(means, key=lambda rate: means[rate])
