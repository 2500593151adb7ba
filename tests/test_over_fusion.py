"""The experiment of learning rates and anchors: what is declared, and what a high rate does at smoke scale."""

import math

import pytest

from ssllib.engine import loop
from ssllib.engine.train_config import TrainConfig
from ssllib.evidence import claims
from ssllib.runs import experiments
from ssllib.runs.experiments.orthonormal_anchors import FEW_RATES, LOSSES, RATES

FUSION, CONTROL = experiments.get("over-fusion"), experiments.get("over-fusion-views")


def config(scale: str, name: str, of: experiments.Experiment = FUSION) -> TrainConfig:
    return of.cell(scale, name).config


@pytest.mark.parametrize("scale", FUSION.scales)
def test_arms_differ_in_rate_and_anchors_alone(scale: str) -> None:
    cells = {c.name: c.config for c in FUSION.cells(scale)}
    for name, run in cells.items():
        plain = name.removeprefix("cloa-")
        rate = plain.partition("-")[2]
        assert rate in RATES
        assert run == cells[plain].replace(anchor_weight=float(plain != name))
        first = cells[plain.removesuffix(rate) + "1"]
        assert run == first.replace(lr=float(rate), anchor_weight=run.anchor_weight)
        assert run.loss == LOSSES[plain.removesuffix(f"-{rate}")]
    assert {f"{p}{loss}-{r}" for p in ("", "cloa-") for loss in LOSSES for r in FEW_RATES} <= cells.keys()


@pytest.mark.parametrize("scale", ["cpu", "gpu", "paper"])
def test_every_arm_that_the_claims_read_is_there(scale: str) -> None:
    there = {c.name for c in FUSION.cells(scale)}
    read = {pair for c in claims.load().values() for estimand in c.estimands for pair in estimand.arms()}
    arms = {arm for experiment, arm in read if experiment == "over-fusion"}
    assert arms and arms <= there


@pytest.mark.parametrize("scale", CONTROL.scales)
def test_the_control_changes_the_augmentations_alone(scale: str) -> None:
    for cell in CONTROL.cells(scale):
        own = config(scale, cell.name)
        assert cell.config == own.replace(
            crop_min=cell.config.crop_min, jitter=cell.config.jitter, gray=cell.config.gray
        )
        assert cell.config.crop_min < own.crop_min and cell.config.jitter > own.jitter and cell.config.gray > own.gray


def test_at_a_rate_of_1_infonce_spreads_directions_while_knn_falls_and_other_views_mend_it() -> None:
    """At smoke scale the paper's augmentations leave k-NN near chance (12.5) at a rate of 1, without any fusion."""
    run = config("smoke", "infonce-1")
    weak = loop.train(run)
    assert weak.status == "finished"
    assert weak.final["knn_test"] < weak.history[0]["knn_val"] - 10
    assert weak.history[-1]["loss"] < math.log(2 * run.batch_size - 1) - 0.5  # its value at collapse
    assert weak.final["spherical_variance"] > 0.5 and weak.final["effective_rank_embedding"] > 5
    strong = loop.train(config("smoke", "infonce-1", CONTROL))
    assert strong.final["knn_test"] > weak.final["knn_test"] + 20
