"""The simulation of three lines: its measures against slow references and closed cases, its data, its runs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssllib import losses
from ssllib.engine import config as configs
from ssllib.engine.simulations.lines import axes, measures, neighbours, rank1_share, separation
from ssllib.engine.simulations.three_lines import (
    CLUSTERS,
    LOSSES,
    ThreeLinesConfig,
    augmented,
    best_rate,
    cloud,
    network,
    objective,
    run_three_lines,
)
from ssllib.errors import InputError
from ssllib.runs import experiments, records
from ssllib.runs.experiments import simulated

SMALL: dict[str, Any] = {"points": 20, "batch_size": 32, "hidden": 16, "steps": 24, "labels": 5, "rate": 0.01}


def small(**changes: Any) -> ThreeLinesConfig:
    return ThreeLinesConfig(**(SMALL | changes))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- the measures -----------------------------------------------------------------------------------------


def slow_axis(z: np.ndarray) -> tuple[np.ndarray, float]:
    """First singular direction of z (n, d) and its share, from the matrix of second moments, entry by entry."""
    d = z.shape[1]
    moments = np.array([[sum(row[i] * row[j] for row in z) for j in range(d)] for i in range(d)])
    values, vectors = np.linalg.eigh(moments)
    return vectors[:, -1], values[-1] / sum(float(x) ** 2 for row in z for x in row)


@pytest.mark.parametrize("seed", range(4))
def test_measures_against_slow_reference(seed: int) -> None:
    z = normal(30, 3, seed=seed) @ torch.diag(torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)) + 0.3
    y = torch.arange(3).repeat_interleave(5)
    both = np.concatenate([y.numpy(), y.numpy()])
    own = [slow_axis(z.numpy()[both == c])[0] for c in range(3)]
    angles = [math.degrees(math.acos(min(1, abs(float(a @ b))))) for a, b in itertools.combinations(own, 2)]
    units = np.array([row / np.linalg.norm(row) for row in z.numpy()])
    nearest = [max(range(3), key=lambda c, row=row: abs(row @ own[c])) for row in units]
    found = measures(z, y)
    assert found["rank1_share"] == pytest.approx(slow_axis(z.numpy())[1], rel=1e-9)
    assert found["rank1_share_unit"] == pytest.approx(slow_axis(units)[1], rel=1e-9)
    assert found["rank1_share_centred"] == pytest.approx(slow_axis(z.numpy() - z.numpy().mean(0))[1], rel=1e-9)
    assert found["separation"] == pytest.approx(min(angles), abs=1e-6)
    assert found["nearest_axis"] == pytest.approx(np.mean(np.array(nearest) == both))
    shares = [slow_axis(z.numpy()[both == c])[1] for c in range(3)]
    assert found["cluster_share"] == pytest.approx(sum(shares) / 3, rel=1e-9)
    cosines = [float(units[i] @ units[i + 15]) for i in range(15)]
    assert found["pair_cosine"] == pytest.approx(sum(cosines) / 15, rel=1e-9)
    assert found["mean_direction"] == pytest.approx(np.linalg.norm(units.mean(0)), rel=1e-9)


def test_rank1_share_closed_cases() -> None:
    line = torch.linspace(-1, 2, 9)[:, None] * torch.tensor([1.0, -2.0, 0.5])
    assert rank1_share(line) == pytest.approx(1, abs=1e-6)
    assert rank1_share(torch.eye(3)) == pytest.approx(1 / 3)
    assert rank1_share(torch.diag(torch.tensor([3.0, 1.0, 0.0]))) == pytest.approx(0.9)
    with pytest.raises(InputError, match="all zero"):
        rank1_share(torch.zeros(4, 3))


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 1.0, 30.0, 89.0, 90.0])
def test_separation_is_of_axes(degrees: float) -> None:
    t = math.radians(degrees)
    pair = torch.tensor([[1.0, 0.0, 0.0], [math.cos(t), math.sin(t), 0.0]], dtype=torch.float64)
    assert separation(pair) == pytest.approx(degrees, abs=1e-9)
    assert separation(-pair) == separation(pair)
    assert separation(pair * torch.tensor([[1.0], [-1.0]])) == pytest.approx(degrees, abs=1e-9)
    third = torch.cat([pair, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)])
    assert separation(third) == pytest.approx(degrees, abs=1e-9)


def test_measures_ignore_scale_rotation_and_sign() -> None:
    z, y = normal(24, 3, seed=5), torch.arange(3).repeat_interleave(4)
    rotation = torch.linalg.qr(normal(3, 3, seed=6)).Q
    one, other = measures(z, y), measures(-7 * z @ rotation, y)
    assert other == pytest.approx(one, rel=1e-9)
    assert torch.allclose(axes(z, torch.cat([y, y])).norm(dim=1), torch.ones(3, dtype=torch.float64))


def test_neighbours_against_slow_reference() -> None:
    z, y = normal(24, 3, seed=8), torch.arange(3).repeat_interleave(4)
    both, u = torch.cat([y, y]).tolist(), [row / row.norm() for row in z]
    found = []
    for i in range(24):
        others = [j for j in range(24) if j not in (i, (i + 12) % 24)]
        others.sort(key=lambda j, i=i: -float(u[i] @ u[j]))
        found.append(sum(both[j] == both[i] for j in others[:5]) / 5)
    assert neighbours(z, y, 5).tolist() == pytest.approx(found)
    apart = torch.eye(3)[torch.cat([y, y])]
    assert bool((neighbours(apart, y, 6) == 1).all())  # 8 of each cluster, less itself and its partner


# --- the data and the network -----------------------------------------------------------------------------


def test_points_lie_near_three_lines_in_the_ball() -> None:
    x, y = cloud(ThreeLinesConfig(seed=3))
    assert x.shape == (300, 3) and x.dtype == torch.float32 and y.tolist() == [0] * 100 + [1] * 100 + [2] * 100
    assert x.norm(dim=1).max() <= 1 + 1e-6
    again, _ = cloud(ThreeLinesConfig(seed=3, rate=0.5))
    assert torch.equal(x, again) and not torch.equal(x, cloud(ThreeLinesConfig(seed=4))[0])
    exact, _ = cloud(ThreeLinesConfig(seed=3, spread=0.0))
    assert all(rank1_share(exact[y == c]) == pytest.approx(1) for c in range(3))
    off = x - (x @ (u := axes(exact, y).float())[0])[:, None] * u[0]
    assert float(off[y == 0].square().sum(1).mean()) == pytest.approx(2 * 0.05**2, rel=0.3)


@pytest.mark.parametrize("seed", range(6))
def test_lines_are_distinct(seed: int) -> None:
    config = ThreeLinesConfig(seed=seed, spread=0.0)
    x, y = cloud(config)
    assert 30 <= separation(axes(x, y)) <= 90
    x, y = cloud(config.replace(lines="orthogonal"))
    assert separation(axes(x, y)) == pytest.approx(90, abs=1e-3)


def test_views() -> None:
    x, _ = cloud(small())
    view1, view2 = augmented(x, small(noise=0.0), torch.Generator().manual_seed(0))
    assert torch.equal(view1, x) and torch.equal(view2, -x)
    noisy = augmented(x.repeat(50, 1), small(noise=0.2), torch.Generator().manual_seed(0))[1] + x.repeat(50, 1)
    assert float(noisy.std()) == pytest.approx(0.2, rel=0.05)
    signs = augmented(x, small(noise=0.0, views="signs"), torch.Generator().manual_seed(0))
    for view in signs:
        assert bool(((view == x) | (view == -x)).all())
    assert 0 < float((signs[0] == signs[1]).all(1).float().mean()) < 1


@pytest.mark.parametrize(("kind", "norms"), [("none", 0), ("hidden", 2), ("all", 3)])
def test_network_has_three_layers_and_its_own_seed(kind: str, norms: int) -> None:
    before = torch.random.get_rng_state()
    model = network(small(batch_norm=kind))
    assert torch.equal(before, torch.random.get_rng_state())
    assert [tuple(m.weight.shape) for m in model if isinstance(m, torch.nn.Linear)] == [(16, 3), (16, 16), (3, 16)]
    assert sum(isinstance(m, torch.nn.BatchNorm1d) for m in model) == norms
    assert sum(isinstance(m, torch.nn.ReLU) for m in model) == 2
    assert torch.equal(model[0].weight, network(small(batch_norm=kind))[0].weight)


def test_objective_is_the_loss_and_the_anchor_term() -> None:
    z1, z2 = normal(8, 3, seed=1), normal(8, 3, seed=2)
    y = torch.tensor([0, 1, 2, -1, -1, -1, -1, -1])
    targets = losses.orthonormal_anchors(3, 3)
    plain = {
        "infonce": losses.info_nce(z1, z2, 1.0),
        "dcl": losses.dcl(z1, z2, 1.0),
        "vicreg": losses.vicreg(z1, z2),
        "barlow-twins": losses.barlow_twins(z1, z2),
        "none": torch.tensor(0.0),
    }
    pull = sum(
        1 - float(torch.nn.functional.cosine_similarity(z[i], targets[i].double(), dim=0))
        for z in (z1, z2)
        for i in range(3)
    )
    for loss in LOSSES:
        if loss != "none":
            assert torch.equal(objective(z1, z2, y, targets, small(loss=loss)), plain[loss])
        mean = objective(z1, z2, y, targets, small(loss=loss, anchors="mean"))
        printed = objective(z1, z2, y, targets, small(loss=loss, anchors="printed"))
        assert float(mean - plain[loss]) == pytest.approx(pull / 6, rel=1e-5)
        assert float(printed - plain[loss]) == pytest.approx(pull / 16, rel=1e-5)
        nobody = objective(z1, z2, torch.full((8,), -1), targets, small(loss=loss, anchors="mean"))
        assert float(nobody) == float(plain[loss])


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "simclr"}, {"anchors": "sum"}, {"batch_norm": "last"}, {"views": "crop"}, {"lines": "flat"},
        {"steps": 0}, {"steps": 1.5}, {"points": 1}, {"batch_size": 1}, {"batch_size": 301}, {"labels": 101},
        {"rate": 0.0}, {"temperature": 0.0}, {"momentum": 1.0}, {"noise": -0.1}, {"spread": math.nan},
        {"loss": "none"}, {"loss": "none", "anchors": "mean", "labels": 0},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"allowed: "):
        ThreeLinesConfig(**wrong)


# --- the run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", [{}, {"loss": "vicreg", "rate": 1e-3}, {"anchors": "mean"}, {"views": "once"}])
def test_run_is_a_function_of_its_configuration(arm: dict[str, Any]) -> None:
    config = small(**arm)
    one, two = config.run(), config.run()
    assert one.status == "finished" and one.history == two.history and one.final == two.final
    assert np.array_equal(one.arrays["embeddings"], two.arrays["embeddings"])
    assert one.arrays["embeddings"].shape == (2 * CLUSTERS * config.points, 3)
    assert [row["step"] for row in one.history] == list(range(0, 25, 2))
    assert one.history[-1]["rank1_share"] == one.final["rank1_share"]
    assert one.history[-1]["separation"] == one.final["separation"]
    assert config.replace(seed=1).run().final != one.final
    assert configs.kind("simulation:three-lines").from_dict(config.to_dict()) == config


def test_run_against_plain_descent() -> None:
    """The slow way: momentum and weight decay written out, one tensor at a time."""
    config = small(momentum=0.8, weight_decay=0.01, rate=0.05)
    x, _ = cloud(config)
    model = network(config)
    draws = torch.Generator().manual_seed(2**31 + config.seed)
    shown = torch.cat(augmented(x, config, draws))
    torch.randn(x.shape, generator=draws)
    speed = [torch.zeros_like(p) for p in model.parameters()]
    values = []
    for _ in range(config.steps):
        batch = torch.randperm(len(x), generator=draws)[: config.batch_size]
        view1, view2 = augmented(x[batch], config, draws)
        out = model(torch.cat([view1, view2]))
        loss = losses.info_nce(out[: len(batch)], out[len(batch) :], config.temperature)
        values.append(loss.item())
        grads = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, v, g in zip(model.parameters(), speed, grads, strict=True):
                v.mul_(config.momentum).add_(g + config.weight_decay * p)
                p.sub_(config.rate * v)
    model.eval()
    z = model(shown).detach()
    found = run_three_lines(config)
    assert found.final["rank1_share"] == pytest.approx(rank1_share(z), rel=1e-4)
    assert found.final["loss"] == pytest.approx(sum(values[-2:]) / 2, rel=1e-5)
    assert found.final["loss_change"] == pytest.approx((sum(values[-2:]) - sum(values[-4:-2])) / 2, abs=1e-5)
    unit = z / z.square().sum(1).mean().sqrt()
    assert np.abs(found.arrays["embeddings"].astype(float) - unit.numpy()).max() < 5e-3


def test_anchors_alone_pull_labelled_clusters_apart() -> None:
    config = ThreeLinesConfig(
        loss="none", anchors="mean", labels=40, points=40, batch_size=60, rate=0.1, steps=250, lines="orthogonal",
        noise=0.0, spread=0.0,
    )  # fmt: skip
    final = config.run().final
    assert final["separation"] > 75 and final["nearest_axis"] > 0.95 and final["pair_cosine"] > 0.8
    assert final["input_separation"] == pytest.approx(90, abs=1e-3) and final["input_pair_cosine"] == pytest.approx(-1)


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    result = small(loss="vicreg", rate=1e3).run()
    assert result.status == "diverged" and result.final["steps"] < SMALL["steps"] and not result.arrays


# --- the choice of the learning rates ---------------------------------------------------------------------


def test_best_rate_is_that_of_the_lowest_mean_loss_without_divergence() -> None:
    assert best_rate({0.1: [3.0, 1.0], 0.01: [1.9, 1.9], 1.0: [0.1, None]}) == 0.01
    assert best_rate({0.3: [1.0], 0.1: [1.0], 0.2: []}) == 0.1
    with pytest.raises(InputError, match="diverged"):
        best_rate({0.1: [None], 1.0: [1.0, None]})


@pytest.mark.parametrize("arm", simulated.THREE_LINES_RATES)
def test_declared_rates_are_those_of_the_rule(arm: str) -> None:
    found: dict[float, list[float | None]] = {}
    for r in records.committed().find("three-lines", "paper"):
        if r.cell.startswith(f"{arm}-lr-"):
            assert r.seed >= 100
            found.setdefault(r.config["rate"], []).append(r.final["loss"] if r.status == "finished" else None)
    assert sorted(found) == sorted(simulated.THREE_LINES_GRID) and {len(v) for v in found.values()} == {3}
    assert simulated.THREE_LINES_RATES[arm] == best_rate(found)


def test_cells_are_different_runs() -> None:
    jobs = [c.identity() for cell in experiments.get("three-lines").cells("paper") for c in cell.configs()]
    assert len(jobs) == len(set(jobs))
