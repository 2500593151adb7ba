"""What a cloud of embeddings tells: density by the distance to a neighbour, and how norms go with it.

First the measures, for embeddings of any origin; then the runs of the simulation of latent classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.engine.config import Result
from ssllib.engine.simulations.latent_classes import (
    LatentClassesConfig,
    Parameters,
    Sample,
    embed,
    parameters,
    sample,
    train_epoch,
    world,
)
from ssllib.errors import InputError, in_range
from ssllib.norms import spearman

WATCHED = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100)
SETS = ("seen", "new", "other")

# --- measures ---------------------------------------------------------------------------------------------


def neighbour_distance(z: Tensor, k: int = 10, *, chunk: int = 512) -> Tensor:
    """Cosine distance, 1 - cosine, of each embedding to its k-th nearest neighbour, itself not counted.

    The square root of twice this is the Euclidean distance of the directions, which the released notebook plots.

    Args:
        z: embeddings, shape (n, d), n > k; of any norm.

    Returns:
        Shape (n,), float64, from 0 to 2; small where the directions are dense.

    Source: 2502.09252, section 4.2 ("a proxy for inverse density").
    """
    if z.ndim != 2 or len(z) <= k:
        raise InputError(f"embeddings have shape {tuple(z.shape)}; allowed: (n, d) with n > {k} neighbours")
    in_range("number of neighbours", k, 1, 10**6)
    u = F.normalize(z.double(), dim=1)
    found, start = [], 0
    for part in u.split(chunk):
        cosine = part @ u.T  # (chunk, n)
        cosine.diagonal(start).fill_(-math.inf)
        found.append(cosine.topk(k, dim=1).values[:, -1])
        start += len(part)
    return (1 - torch.cat(found)).clamp_min(0)


def share_dense_small(distance: Tensor, norm: Tensor, share: float = 0.1) -> float:
    """Percent of embeddings in the densest `share` by distance (n,) and in the smallest by norm (n,) at once.

    From 0 to 100 share; 100 share² (1 for a tenth) when norm and density have nothing to do with each other.
    """
    n = len(distance)
    count = int(share * n)
    dense = torch.zeros(n, dtype=torch.bool)
    dense[distance.argsort(stable=True)[:count]] = True
    return 100 * float(dense[norm.argsort(stable=True)[:count]].sum()) / n


def spearman_within(x: Tensor, y: Tensor, labels: Tensor) -> float:
    """Mean over the classes of Spearman's rank correlation of x (n,) and y (n,) within the class.

    Classes of fewer than three points are left out.
    """
    members = [labels == c for c in labels.unique()]
    found = [spearman(x[m], y[m]) for m in members if int(m.sum()) > 2]
    return sum(found) / len(found) if found else math.nan


def spread_within(x: Tensor, labels: Tensor) -> float:
    """Mean over the classes of the standard deviation of x (n,) within the class, in percent of its mean."""
    members = [x[labels == c] for c in labels.unique()]
    found = [100 * float(m.std() / m.mean()) for m in members if len(m) > 2]
    return sum(found) / len(found) if found else math.nan


def nearest_mean_accuracy(z: Tensor, labels: Tensor) -> float:
    """Percent of points (n, d) whose direction is nearest, by cosine, to the mean direction of their own class.

    A class's mean direction is the direction of the sum of its members' unit vectors.
    """
    u = F.normalize(z.double(), dim=1)
    classes, own = labels.unique(return_inverse=True)
    means = torch.zeros(len(classes), u.shape[1], dtype=u.dtype).index_add_(0, own, u)
    nearest = (u @ F.normalize(means, dim=1).T).argmax(dim=1)
    return 100 * float((nearest == own).double().mean())


# --- runs -------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """One set of observations under one network: norms and distances to the neighbour, each (n,)."""

    norm: Tensor
    distance: Tensor
    labels: Tensor
    z: Tensor  # embeddings (n, dim)

    def correlation(self, kind: str) -> float:
        """Spearman's coefficient of norm and distance, over all points or averaged over classes."""
        if kind == "within":
            return spearman_within(self.norm, self.distance, self.labels)
        return spearman(self.norm, self.distance)


def measure(p: Parameters, data: Sample, config: LatentClassesConfig) -> Measured:
    """Norms and neighbours of a set's embeddings."""
    with torch.no_grad():
        z = embed(p, data.observations).double()
    return Measured(z.norm(dim=1), neighbour_distance(z, config.neighbour), data.labels, z)


def class_norms(norm: Tensor, labels: Tensor, config: LatentClassesConfig) -> dict[str, float]:
    """Mean of the norms (n,) of each class that has points, the most frequent first (as declared by `weights`)."""
    weights = config.weights or (1.0,) * config.classes
    order = sorted(range(config.classes), key=lambda c: -weights[c])
    found = {f"norm_class_{i + 1}": norm[labels == c] for i, c in enumerate(order)}
    return {name: float(x.mean()) for name, x in found.items() if len(x)}


def _round(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers to six significant digits: records stay small, and nothing is claimed more finely."""
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in values.items()}


def _diverged(p: Parameters) -> bool:
    return not all(bool(torch.isfinite(x).all()) for x in p)


def run_latent_classes(config: LatentClassesConfig) -> Result:
    """Train one network, and measure norms and density before, on the way and at the end.

    Returns:
        A `Result`. History, at the epochs of `WATCHED` and the last: `loss`, `norm_class_<i>` and
        `spearman_norm_distance` of the plotted set. Final numbers: see `summary`. Arrays: see `points`.
    """
    generator = torch.Generator().manual_seed(config.seed)
    here = world(config, generator)
    seen = sample(here, config, config.noise, config.weights, generator)
    p = parameters(config, generator)
    fresh = sample(here, config, config.noise, config.weights, generator)
    equal = (1.0,) * config.classes
    other = sample(world(config, generator), config, config.other_noise, equal, generator)
    sets = {"seen": seen, "new": fresh, "other": other}
    history: list[dict[str, Any]] = []
    loss = math.nan
    before = {name: measure(p, data, config) for name, data in sets.items()}
    for epoch in range(config.epochs + 1):
        if epoch:
            loss = train_epoch(p, seen, config, generator)
        if _diverged(p):
            return Result(status="diverged", history=history)
        if epoch in WATCHED or epoch == config.epochs:
            plotted = measure(p, sets[config.plotted], config)
            with torch.no_grad():
                norm = embed(p, seen.observations).double().norm(dim=1)
            row = class_norms(norm, seen.labels, config)
            row["spearman_norm_distance"] = plotted.correlation(config.correlation)
            history.append(_round({"epoch": epoch, **({"loss": loss} if epoch else {}), **row}))
    after = {name: measure(p, data, config) for name, data in sets.items()}
    return Result("finished", history, summary(config, sets, before, after), points(config, sets, before, after))


def summary(
    config: LatentClassesConfig, sets: dict[str, Sample], before: dict[str, Measured], after: dict[str, Measured]
) -> dict[str, Any]:
    """The final numbers of a run.

    `spearman_norm_distance` and `share_dense_small` (percent) of the plotted set, and `_seen`, `_new`, `_other`
    of each; `_untrained`: of the plotted set before the first step; `_within`: Spearman's coefficient averaged
    over classes. `norm_class_<i>` of the seen set, and `_new`. `accuracy_latent`, `accuracy_learned` (percent,
    nearest class mean by cosine) of the seen set, and `_new`. `norm_spread`: standard deviation of the norms
    within a class, in percent of their mean, plotted set; `latent_distance`: median distance to the neighbour
    among the latent points.
    """
    plot, kind = config.plotted, config.correlation
    out: dict[str, Any] = {}
    for suffix, m in {"": after[plot], "_untrained": before[plot], **{f"_{s}": after[s] for s in SETS}}.items():
        out[f"spearman_norm_distance{suffix}"] = m.correlation(kind)
        out[f"spearman_within{suffix}"] = m.correlation("within")
        out[f"share_dense_small{suffix}"] = share_dense_small(m.distance, m.norm)
    out |= class_norms(after["seen"].norm, after["seen"].labels, config)
    out |= {f"{k}_untrained": v for k, v in class_norms(before["seen"].norm, before["seen"].labels, config).items()}
    out |= {f"{k}_new": v for k, v in class_norms(after["new"].norm, after["new"].labels, config).items()}
    for suffix, name in {"": "seen", "_new": "new"}.items():
        out[f"accuracy_latent{suffix}"] = nearest_mean_accuracy(sets[name].latents, sets[name].labels)
        out[f"accuracy_learned{suffix}"] = nearest_mean_accuracy(after[name].z, sets[name].labels)
    out["accuracy_untrained"] = nearest_mean_accuracy(before["seen"].z, sets["seen"].labels)
    out["norm_spread"] = spread_within(after[plot].norm, after[plot].labels)
    out["norm_spread_untrained"] = spread_within(before[plot].norm, before[plot].labels)
    out["latent_distance"] = float(neighbour_distance(sets[plot].latents, config.neighbour).median())
    return _round({k: v for k, v in out.items() if not (isinstance(v, float) and math.isnan(v))})


def points(
    config: LatentClassesConfig, sets: dict[str, Sample], before: dict[str, Measured], after: dict[str, Measured]
) -> dict[str, np.ndarray]:
    """Evenly picked points for figures: 240 of the plotted set (480 in three dimensions), 240 of the new.

    `distance`, `norm`, `label` at the end; `distance_untrained`, `norm_untrained` of the same points before;
    `distance_new`, `norm_new`. In three dimensions also `latent` and `embedding`, shape (n, 3).
    """
    count = 480 if config.dim == 3 else 240

    def pick(x: Tensor, n: int = count) -> np.ndarray:
        kept = x[torch.linspace(0, len(x) - 1, min(n, len(x))).long()]
        return kept.numpy().astype(np.int8 if kept.dtype == torch.int64 else np.float32)

    start, end, new = before[config.plotted], after[config.plotted], after["new"]
    out = {"distance": pick(end.distance), "norm": pick(end.norm), "label": pick(end.labels)}
    out |= {"distance_untrained": pick(start.distance), "norm_untrained": pick(start.norm)}
    out |= {"distance_new": pick(new.distance, 240), "norm_new": pick(new.norm, 240)}
    if config.dim == 3:
        out |= {"latent": pick(sets[config.plotted].latents), "embedding": pick(end.z)}
    return out
