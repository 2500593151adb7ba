"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib import datasets, evaluate, norms
from ssllib.errors import InputError
from ssllib.train_config import TrainConfig
from ssllib.trained import Trained, length, right, votes

Numbers = dict[str, Any]
Arrays = dict[str, np.ndarray]


def other_set(config: TrainConfig) -> TrainConfig:
    """The other CIFAR, whole."""
    other = "cifar100" if config.dataset == "cifar10" else "cifar10"
    return config.replace(dataset=other, imbalance=0.0, train_images=0, held_out=0, test_images=0)


def confidence(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms where the loss acts, on clean images of both CIFARs (2502.09252, section 5, Figures 3 and 4).

    `norm_ratio_<set>_<split>`: mean norm over that of the training images. `auroc_ood_<set>_test`: the norm as a
    sign of novelty. `spearman_norm_correct` and `spearman_bins_knn`: the norm as a sign of a right answer, image
    by image and over bins (test images). And what `reliability` finds.
    """
    own, other = t.config.dataset, other_set(t.config)
    foreign = datasets.load(other, t.root)
    known, asked = length(t.train[t.place]), length(t.test[t.place])
    found: Numbers = {f"norm_ratio_{own}_test": float(asked.mean() / known.mean())}
    for split, data in (("train", foreign.train), ("test", foreign.test)):
        n = length(t.features(f"other-{split}", datasets.place(data, t.device))[t.place])
        found[f"norm_ratio_{other.dataset}_{split}"] = float(n.mean() / known.mean())
        if split == "test":
            found[f"auroc_ood_{other.dataset}_test"] = norms.auroc(asked, n)
    named = right(t)
    bins = norms.norm_bins(asked, 100 * named.double())
    scores, coverage = reliability(t)
    return found | {
        "spearman_norm_correct": norms.spearman(asked, named.double()),
        "spearman_bins_knn": bins.trend,
    } | scores, {"bins_knn": _rows(bins), "coverage": coverage}


COVERAGES = tuple(range(5, 101, 5))
"""Percent of the test images that are answered: those with the highest score."""


def reliability(t: Trained) -> tuple[Numbers, np.ndarray]:
    """Which score tells right k-NN answers from wrong ones (2502.09252, section 7).

    The scores: the norm where the loss acts; the margin of the vote, first less second over all; the cosine to
    the nearest training image.

    Returns:
        `auroc_right_norm`, `auroc_right_margin`, `auroc_right_nearest`; and the accuracy in percent at each of
        `COVERAGES`, a row for each score, shape (3, 20). No AUROC where all answers are right, or all wrong.
    """
    found = votes(t)
    named = found.argmax(dim=1) == t.splits.test.labels
    first = found.topk(2, dim=1).values / found.sum(dim=1, keepdim=True)
    one = evaluate.knn_scores(t.train["backbone"], t.splits.train.labels, t.test["backbone"], 1, 1.0)
    scores = {"norm": length(t.test[t.place]), "margin": first[:, 0] - first[:, 1], "nearest": one.sum(dim=1)}
    numbers: Numbers = {}
    if named.any() and not named.all():
        numbers = {f"auroc_right_{name}": norms.auroc(s[named], s[~named]) for name, s in scores.items()}
    rows = [accuracy_at_coverages(s, named) for s in scores.values()]
    return numbers, torch.stack(rows).cpu().numpy()


def accuracy_at_coverages(score: Tensor, named: Tensor) -> Tensor:
    """Percent of right answers `named` (n,) among the share of images with the highest `score` (n,), (20,)."""
    order = score.argsort(descending=True, stable=True)
    hits = named[order].double().cumsum(0)
    count = torch.tensor([max(1, round(len(score) * c / 100)) for c in COVERAGES], device=score.device)
    return 100 * hits[count - 1] / count


def _rows(bins: norms.NormBins) -> np.ndarray:
    """Centre, count and mean of each bin, shape (b, 3)."""
    return torch.stack([bins.centre, bins.count.double(), bins.mean.double()], dim=1).cpu().numpy()


def people_labels(config: TrainConfig, root: str | None) -> dict[str, Tensor]:
    """What people said: `cifar10n` or `cifar100n` labels of all training images, and CIFAR-10-H `votes`."""
    from ssllib.datasets.cifar import cifar
    from ssllib.datasets.human_labels import cifar10_h, cifar_n

    train, test = cifar(config.dataset, root)
    kind = "aggre_label" if config.dataset == "cifar10" else "noisy_label"
    found = {"clean": train.labels, "noisy": cifar_n(config.dataset, kind, train.labels, root)}
    if config.dataset == "cifar10":
        if config.test_images:
            raise InputError("measure 'people' needs the whole test set of cifar10; allowed: test_images = 0")
        found["votes"] = cifar10_h(test.labels, root)
    return found


def people(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms beside people's labels: CIFAR-N on all training images, CIFAR-10-H on the test images.

    Source: 2502.09252, Figure 4 (middle, right) and Figure S6 (`entropy_lowest10`, `entropy_highest10`).
    """
    from ssllib.datasets.cifar import cifar
    from ssllib.datasets.human_labels import entropy

    said = people_labels(t.config, t.root)
    everyone = datasets.place(cifar(t.config.dataset, t.root)[0], t.device)
    n = length(t.features("everyone", everyone)[t.place]).cpu()
    agree = 100 * (said["noisy"] == said["clean"]).double()
    bins = norms.norm_bins(n, agree)
    key = f"{t.config.dataset}n"
    found: Numbers = {f"spearman_bins_{key}": bins.trend, f"spearman_norm_{key}": norms.spearman(n, agree)}
    arrays = {f"bins_{key}": _rows(bins)}
    if "votes" in said:
        doubt, asked = entropy(said["votes"]).cpu(), length(t.test[t.place]).cpu()
        bins = norms.norm_bins(asked, doubt)
        low, high = norms.extremes(asked, t.splits.test.labels.cpu(), 10)
        found |= {
            "spearman_bins_entropy": bins.trend,
            "spearman_norm_entropy": norms.spearman(asked, doubt),
            "entropy_lowest10": float(doubt[low].mean()),
            "entropy_highest10": float(doubt[high].mean()),
        }
        arrays["bins_entropy"] = _rows(bins)
    return found, arrays
