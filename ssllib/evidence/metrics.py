"""The names of what is measured: each metric that a claim may read, in words, with the range it can take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ssllib.errors import InputError
from ssllib.evidence import stats


@dataclass(frozen=True)
class Metric:
    """One measured number.

    Args:
        words: what it is, as it stands in a sentence.
        low, high: what it can be.
        correlation: whether it is a correlation, whose interval is computed by Fisher's z.
        held_out: the metric that has the same on held-out training images, on the way.
    """

    words: str
    low: float = -math.inf
    high: float = math.inf
    correlation: bool = False
    held_out: str | None = None


def _percent(words: str, held_out: str | None = None) -> Metric:
    return Metric(words, 0.0, 100.0, held_out=held_out)


def _positive(words: str) -> Metric:
    return Metric(words, 0.0)


def _rank(words: str) -> Metric:
    return Metric(words, -1.0, 1.0, correlation=True)


def _share(words: str) -> Metric:
    return Metric(words, 0.0, 1.0)


def _knn() -> dict[str, Metric]:
    found = {}
    kinds = {
        "knn": "k-NN accuracy",
        "knn10": "k-NN accuracy (k = 10)",
        "knn_full": "k-NN accuracy with a bank of all images",
        "knn_balanced": "k-NN accuracy with a balanced bank",
        "knn_augmented": "k-NN accuracy with an augmented bank",
    }
    for kind, words in kinds.items():
        for layer in ("", "_projector", "_predictor"):
            at = f" at the {layer[1:]}" if layer else ""
            val = f"{kind}{layer}_val"
            found[val] = _percent(f"{words}{at} on held-out images")
            found[f"{kind}{layer}_test"] = _percent(f"{words}{at} on test images", val)
            found[f"{kind}{layer}_test_top5"] = _percent(f"top-5 {words}{at} on test images")
    return found


def _norms() -> dict[str, Metric]:
    found = {}
    for layer in ("backbone", "projector", "predictor", "target"):
        found[f"norm_{layer}"] = _positive(f"mean norm at the {layer}")
        found[f"norm_{layer}_cv"] = _positive(f"coefficient of variation of the norms at the {layer}")
        for part, words in (("val", "held-out"), ("test", "test")):
            found[f"norm_{layer}_{part}"] = _positive(f"mean norm at the {layer} of {words} images")
    return found


SETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "flowers102": "Flowers-102", "imagenette": "Imagenette"}


def _training() -> dict[str, Metric]:
    found = {
        "loss": Metric("loss"),
        "lr": _positive("learning rate"),
        "eff_lr": _positive("learning rate over norm"),
        "eff_lr2": _positive("learning rate over squared norm"),
        "grad_norm": _positive("norm of the gradient of all parameters"),
        "grad_norm_embedding": _positive("mean norm of the gradient at an embedding"),
        "alignment": Metric("mean cosine of positive pairs", -1, 1),
        "alignment_test": _positive("mean squared distance of positive pairs of test images"),
        "opposite": _percent("share of positive pairs more than a right angle apart"),
        "opposite_views": _percent("share of pairs of views more than a right angle apart at the projector"),
        "opposite_78": _percent("share of positive pairs more than 7π/8 apart"),
        "antipodal_share": _percent("share of embeddings near either end of their principal axis"),
        "angle_entropy": _share("entropy of the embeddings' angles over that of a uniform spread"),
        "effective_rank_val": _positive("effective rank of held-out embeddings"),
        "effective_rank_test": _positive("effective rank of test embeddings"),
        "effective_rank_embedding": _positive("effective rank of the embeddings"),
        "variance": _positive("variance of the embeddings"),
        "spherical_variance": _share("spherical variance of the embeddings"),
        "uniformity": Metric("uniformity"),
        "linear_val": _percent("linear-probe accuracy on held-out images"),
        "linear_test": _percent("linear-probe accuracy on test images"),
        "linear_test_top5": _percent("top-5 linear-probe accuracy on test images"),
        "entropy_highest10": _positive("entropy of people's labels of the images with the longest embeddings"),
        "entropy_lowest10": _positive("entropy of people's labels of the images with the shortest embeddings"),
        "auroc_right_norm": _share("AUROC of right answers by norm"),
        "auroc_right_margin": _share("AUROC of right answers by the vote's margin"),
        "auroc_right_nearest": _share("AUROC of right answers by the nearest neighbour's distance"),
        "spearman_bins_knn": _rank("rank correlation of norm and accuracy over bins"),
        "spearman_norm_correct": _rank("rank correlation of norm and right answer"),
        "spearman_bins_entropy": _rank("rank correlation of norm and people's entropy over bins"),
        "spearman_norm_entropy": _rank("rank correlation of norm and people's entropy"),
        "tail_knn_test": _percent("k-NN accuracy of the rarer half of the classes"),
        "head_knn_test": _percent("k-NN accuracy of the more frequent half of the classes"),
    }
    for share in (10, 50, 100):
        for frozen in ("", "_frozen"):
            name, words = f"finetune{frozen}_{share}", f"accuracy fine-tuned on {share} % of the labels"
            words += " with a frozen backbone" if frozen else ""
            found[f"{name}_val"] = _percent(f"{words}, on held-out images")
            found[name] = _percent(words, f"{name}_val")
            found[f"{name}_top5"] = _percent(f"top-5 {words}")
    for key, title in SETS.items():
        found[f"auroc_ood_{key}_test"] = _share(f"AUROC of telling {title}'s test images as other data by their norm")
        for part in ("train", "test"):
            found[f"norm_ratio_{key}_{part}"] = _positive(
                f"mean norm of {title}'s {part} images over that of the own training images"
            )
        for probe, words in (("linear", "linear-probe"), ("knn", "k-NN")):
            found[f"transfer_{probe}_{key}"] = _percent(f"{words} accuracy transferred to {title}")
    for people in ("cifar10n", "cifar100n"):
        found[f"spearman_bins_{people}"] = _rank(f"rank correlation of norm and agreement with {people} over bins")
        found[f"spearman_norm_{people}"] = _rank(f"rank correlation of norm and agreement with {people}")
    return found


def _simulations() -> dict[str, Metric]:
    found = {
        "slope_loglog": Metric("slope of log steps against log norm"),
        "slope_angle": Metric("slope of log steps against the log of the angle's term"),
        "factor_norm": _positive("steps at the largest norm over steps at norm 1"),
        "factor_angle": _positive("steps at the largest angle over steps at a random one"),
        "steps_norm_1": _positive("steps at norm 1"),
        "rank1_share": _share("share of the spread along one line"),
        "separation": Metric("angle between the clusters' directions, in degrees", 0, 90),
        "norm_spread": _positive("spread of the norms"),
        "latent_distance": _positive("distance to the latents"),
    }
    for more, words in (
        ("", ""), ("_new", ", of new points"), ("_untrained", ", untrained"), ("_seen", ", of seen points"),
        ("_other", ", of the other view"),
    ):  # fmt: skip
        found[f"share_dense_small{more}"] = _percent(f"share of dense points with small norms{words}")
        found[f"spearman_norm_distance{more}"] = _rank(
            f"rank correlation of norm and distance to the 10th neighbour{words}"
        )
        found[f"spearman_within{more}"] = _rank(
                f"rank correlation of norm and distance within classes{words}"
            )
        for c in range(1, 9):
            found[f"norm_class_{c}{more}"] = _positive(f"mean norm of class {c}{words}")
    for name in ("accuracy_latent", "accuracy_learned"):
        space = name.partition("_")[2]
        for more in ("", "_new"):
            points = " (new points)" if more else ""
            found[name + more] = _percent(f"accuracy of the nearest class mean in the {space} space{points}")
    found["accuracy_untrained"] = _percent("accuracy of the nearest class mean in the untrained network's space")
    return found


METRICS: dict[str, Metric] = _knn() | _norms() | _training() | _simulations()


def get(name: str) -> Metric:
    """The metric of that name; an unknown one is an `InputError` with the nearest."""
    if name not in METRICS:
        from difflib import get_close_matches

        near = get_close_matches(name, METRICS, 3)
        hint = f"; nearest: {', '.join(near)}" if near else "; ssllib.evidence.metrics lists them"
        raise InputError(f"unknown metric {name!r}{hint}")
    return METRICS[name]


def axis(name: str) -> stats.Axis:
    """The scale on which the interval of a metric is computed; linear for a number that no claim reads."""
    m = METRICS.get(name)
    if m is None:
        return stats.LINEAR
    if m.correlation:
        return stats.FISHER
    return stats.bounded(m.low, m.high) if math.isfinite(m.low) or math.isfinite(m.high) else stats.LINEAR


def interval(name: str, values: Sequence[float]) -> stats.Estimate:
    """Mean and 95 % interval of a metric's values, the same as in a verdict on it."""
    return stats.interval(values, axis(name))
