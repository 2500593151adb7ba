"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib import norms
from ssllib.engine import data as datasets
from ssllib.engine.data import ImageSet
from ssllib.engine.evaluation import knn
from ssllib.engine.evaluation.trained import Trained, length
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError

Numbers = dict[str, Any]
Arrays = dict[str, np.ndarray]


ABOVE = {"shapes": 10}
"""A bin of the norm counts if it has more images than this; 50 (the paper) for CIFAR."""


def other_set(config: TrainConfig) -> TrainConfig:
    """The other CIFAR, whole."""
    other = "cifar100" if config.dataset == "cifar10" else "cifar10"
    return config.replace(dataset=other, imbalance=0.0, train_images=0, held_out=0, test_images=0)


def other_data(config: TrainConfig, root: str | None) -> tuple[str, ImageSet, ImageSet]:
    """Name and two splits of a set that is not the one trained on: the other CIFAR, or patterns foreign to `shapes`.

    The two splits of `others` have as many images as those of `shapes`.
    """
    if config.dataset == "shapes":
        from ssllib.engine.data.shapes import others

        return "others", others(config.train_images or 2048, seed=1), others(config.test_images or 1024, seed=2)
    other = other_set(config)
    splits = datasets.load(other, root)
    return other.dataset, splits.train, splits.test


def confidence(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms where the loss acts, on clean images of the data trained on and of others (2502.09252, section 5).

    Figures 3 and 4 there, for the two CIFARs; with `shapes`, the others are patterns that it does not have.

    `norm_ratio_<set>_<split>`: mean norm over that of the training images. `auroc_ood_<set>_test`: the norm as a
    sign of novelty. `spearman_norm_correct` and `spearman_bins_knn`: the norm as a sign of a right answer, image
    by image and over bins (test images). And what `reliability` finds.
    """
    own = t.config.dataset
    other, *foreign = other_data(t.config, t.root)
    known, asked = length(t.train[t.place]), length(t.test[t.place])
    found: Numbers = {f"norm_ratio_{own}_test": float(asked.mean() / known.mean())}
    for split, data in zip(("train", "test"), foreign, strict=True):
        n = length(t.features(f"other-{split}", datasets.place(data, t.device))[t.place])
        found[f"norm_ratio_{other}_{split}"] = float(n.mean() / known.mean())
        if split == "test":
            found[f"auroc_ood_{other}_test"] = norms.auroc(asked, n)
    named = t.right
    bins = norms.norm_bins(asked, 100 * named.double(), above=ABOVE.get(own, 50))
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
    found, named = t.votes, t.right
    first = found.topk(2, dim=1).values / found.sum(dim=1, keepdim=True)
    one = knn.knn_scores(t.train["backbone"], t.splits.train.labels, t.test["backbone"], 1, 1.0)
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
    from ssllib.engine.data.cifar import cifar
    from ssllib.engine.data.human_labels import cifar10_h, cifar_n

    train, test = cifar(config.dataset, root)
    kind = "aggre_label" if config.dataset == "cifar10" else "noisy_label"
    found = {"clean": train.labels, "noisy": cifar_n(config.dataset, kind, train.labels, root)}
    if config.dataset == "cifar10":
        if config.test_images:
            raise InputError("measure 'people' needs the whole test set of cifar10; allowed: test_images = 0")
        found["votes"] = cifar10_h(test.labels, root)
    return found


BLENDS = 1024
"""Images of `shapes` with two patterns each that simulated annotators are asked about."""


def blends() -> tuple[ImageSet, dict[str, Tensor]]:
    """Blended images of `shapes` with what simulated annotators say: `noisy`, the majority of three, and 50 `votes`.

    The second pattern's share is uniform in [0, 1/2]; it is also each annotator's chance to name that pattern.
    """
    from ssllib.engine.data.shapes import annotate, shapes_with_blend

    data, other, share = shapes_with_blend(BLENDS, seed=3, ambiguity=1.0)
    three = annotate(data.labels, other, share, annotators=3, seed=1)
    votes = annotate(data.labels, other, share, annotators=50, seed=2)
    return data, {"clean": data.labels, "noisy": three.argmax(dim=1), "votes": votes}


def people(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms beside people's labels: CIFAR-N on all training images, CIFAR-10-H on the test images.

    With `shapes`, simulated annotators and `blends` for both; their norms are the array `norm_blends`.
    Source: 2502.09252, Figure 4 (middle, right) and Figure S6 (`entropy_lowest10`, `entropy_highest10`).
    """
    from ssllib.engine.data.human_labels import entropy

    arrays: Arrays = {}
    if t.config.dataset == "shapes":
        data, said = blends()
        n = length(t.features("blends", datasets.place(data, t.device))[t.place]).cpu()
        asked, labels = n, data.labels
        arrays["norm_blends"] = n.numpy()
    else:
        from ssllib.engine.data.cifar import cifar

        said = people_labels(t.config, t.root)
        everyone = datasets.place(cifar(t.config.dataset, t.root)[0], t.device)
        n = length(t.features("everyone", everyone)[t.place]).cpu()
        asked, labels = length(t.test[t.place]).cpu(), t.splits.test.labels.cpu()
    above = ABOVE.get(t.config.dataset, 50)
    agree = 100 * (said["noisy"] == said["clean"]).double()
    bins = norms.norm_bins(n, agree, above=above)
    key = f"{t.config.dataset}n"
    found: Numbers = {f"spearman_bins_{key}": bins.trend, f"spearman_norm_{key}": norms.spearman(n, agree)}
    arrays[f"bins_{key}"] = _rows(bins)
    if "votes" in said:
        doubt = entropy(said["votes"]).cpu()
        bins = norms.norm_bins(asked, doubt, above=above)
        low, high = norms.extremes(asked, labels, t.splits.test.classes, 10)
        found |= {
            "spearman_bins_entropy": bins.trend,
            "spearman_norm_entropy": norms.spearman(asked, doubt),
            "entropy_lowest10": float(doubt[low].mean()),
            "entropy_highest10": float(doubt[high].mean()),
        }
        arrays["bins_entropy"] = _rows(bins)
    return found, arrays
