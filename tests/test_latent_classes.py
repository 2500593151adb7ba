"""The simulation of latent classes against plain modules, loops and scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import Tensor, nn

from ssllib.engine import config as configs
from ssllib.engine.simulations import density
from ssllib.engine.simulations import latent_classes as lc
from ssllib.engine.simulations.latent_classes import LatentClassesConfig
from ssllib.errors import InputError
from ssllib.evidence import verdicts
from ssllib.runs import experiments
from ssllib.runs.records import Record

SMALL: dict[str, Any] = {"per_class": 30, "epochs": 3, "batch": 32, "hidden": 16, "observed": 12, "dim": 5}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"weights": (8.0, 4.0, 2.0, 1.0), "plotted": "other", "symmetric": True},
    {"dim": 3, "classes": 8, "correlation": "within"},
]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def notebook_loss(z: Tensor, y: Tensor, draws: Tensor, symmetric: bool, temperature: float) -> Tensor:
    """The supervised InfoNCE loss with two plain loops, for given draws of the positives (n,)."""
    u = [v / v.norm() for v in z]
    terms = []
    for i in range(len(u)):
        if int((y == y[i]).sum()) < 2:
            continue
        e = [torch.exp(torch.dot(u[i], v) / temperature) for v in u]
        positives = {int(draws[i])}
        if symmetric:
            positives |= {j for j in range(len(u)) if int(draws[j]) == i and j != i}
        terms.append(-torch.log(sum(e[j] for j in sorted(positives)) / sum(e[k] for k in range(len(u)) if k != i)))
    return torch.stack(terms).mean()


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("weights", [(), (8.0, 4.0, 2.0, 1.0)])
def test_an_epoch_is_autograd_on_modules_with_sgd(symmetric: bool, weights: tuple[float, ...]) -> None:
    config = LatentClassesConfig(**SMALL, symmetric=symmetric, weights=weights, temperature=0.7, rate=0.3)
    data = lc.sample(lc.world(config, generator()), config, config.noise, weights, generator(1))
    p = lc.parameters(config, generator(2))
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 5))
    with torch.no_grad():
        for mine, theirs in zip(p, model.parameters(), strict=True):
            theirs.copy_(mine)
    loss = lc.train_epoch(p, data, config, generator(3))

    sgd, g, losses = torch.optim.SGD(model.parameters(), lr=0.3), generator(3), []
    for index in torch.randperm(120, generator=g).split(32):
        y = data.labels[index]
        same = (y[:, None] == y) & ~torch.eye(len(y), dtype=torch.bool)
        alone = ~same.any(dim=1)
        same[alone, alone.nonzero().flatten()] = True
        draws = torch.multinomial(same.float(), 1, generator=g).flatten()
        value = notebook_loss(model(data.observations[index]), y, draws, symmetric, 0.7)
        sgd.zero_grad()
        value.backward()
        sgd.step()
        losses.append(float(value.detach()))
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)
    for mine, theirs in zip(p, model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_the_network_starts_like_pytorchs_layers() -> None:
    config = LatentClassesConfig(observed=40, hidden=3000, dim=50)
    for p, layer in zip((lc.parameters(config, generator())[i : i + 2] for i in (0, 2)),
                        (nn.Linear(40, 3000), nn.Linear(3000, 50)), strict=True):  # fmt: skip
        for mine, theirs in zip(p, (layer.weight, layer.bias), strict=True):
            assert mine.shape == theirs.shape
            bound = 1 / math.sqrt(layer.in_features)
            assert float(mine.detach().abs().max()) <= bound
            if mine.ndim == 2:
                assert float(mine.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)
                assert float(theirs.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_latent_points_lie_on_the_sphere_with_the_declared_noise() -> None:
    config = LatentClassesConfig(per_class=5000, noise=0.2)
    here = lc.world(config, generator())
    data = lc.sample(here, config, config.noise, (), generator(1))
    torch.testing.assert_close(here.centres.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(data.latents.norm(dim=1), torch.ones(20_000))
    torch.testing.assert_close(data.observations, data.latents @ here.matrix.T)
    assert data.labels.bincount().tolist() == [5000] * 4
    # before it is put back on the sphere, a point is c + 0.2 e: its direction has cosine 1 / sqrt(1 + r²) with c,
    # where r² = |tangential part|² / (1 + 0.2 t)² for a normal t and a chi-square with 10 degrees of freedom
    rng = np.random.default_rng(0)
    along, across = 1 + 0.2 * rng.standard_normal(10**6), 0.04 * rng.chisquare(10, 10**6)
    expected = (along / np.sqrt(along**2 + across)).mean()
    cosine = (data.latents * here.centres[data.labels]).sum(1)
    assert float(cosine.mean()) == pytest.approx(expected, abs=3e-3)
    assert float(here.matrix.std()) == pytest.approx(10, rel=0.1)


def test_weights_are_probabilities() -> None:
    config = LatentClassesConfig(per_class=10_000, weights=(8, 4, 2, 1))
    labels = lc.sample(lc.world(config, generator()), config, 0.1, config.weights, generator(1)).labels
    share = labels.bincount() / len(labels)
    torch.testing.assert_close(share, torch.tensor([8, 4, 2, 1]) / 15, atol=0.01, rtol=0)


@pytest.mark.parametrize("k", [1, 10])
def test_distances_are_scikit_learns(k: int) -> None:
    from sklearn.neighbors import NearestNeighbors

    z = torch.randn(700, 6, generator=generator()) * torch.rand(700, 1, generator=generator(1))
    found = density.neighbour_distance(z, k, chunk=64)
    search = NearestNeighbors(n_neighbors=k + 1, metric="cosine").fit(z.double().numpy())
    np.testing.assert_allclose(found, search.kneighbors()[0][:, k - 1], atol=1e-12)
    u = F.normalize(z.double(), dim=1).numpy()  # the released notebook's distance
    euclidean = NearestNeighbors(n_neighbors=k + 1).fit(u).kneighbors(u)[0][:, k]
    np.testing.assert_allclose((2 * found).sqrt().numpy(), euclidean, atol=1e-7)


def test_measures_by_loops() -> None:
    rng = np.random.default_rng(0)
    x, y, labels = rng.standard_normal(300), rng.standard_normal(300), rng.integers(0, 3, 300)
    tx, ty, tl = torch.tensor(x), torch.tensor(y), torch.tensor(labels)
    within = np.mean([spearmanr(x[labels == c], y[labels == c]).statistic for c in range(3)])
    assert density.spearman_within(tx, ty, tl) == pytest.approx(within)
    both = {*np.argsort(x)[:30]} & {*np.argsort(y)[:30]}
    assert density.share_dense_small(tx, ty) == pytest.approx(100 * len(both) / 300)
    assert density.share_dense_small(tx, tx) == pytest.approx(10)
    assert density.share_dense_small(tx, -tx) == 0
    positive = np.abs(x) + 1
    spread = np.mean([100 * positive[labels == c].std(ddof=1) / positive[labels == c].mean() for c in range(3)])
    assert density.spread_within(torch.tensor(positive), tl) == pytest.approx(spread)

    z = rng.standard_normal((300, 4)) + np.eye(4)[labels]
    u = z / np.linalg.norm(z, axis=1, keepdims=True)
    means = [u[labels == c].sum(0) for c in range(3)]
    right = sum(
        int(np.argmax([v @ m / np.linalg.norm(m) for m in means]) == c) for v, c in zip(u, labels, strict=True)
    )
    assert density.nearest_mean_accuracy(torch.tensor(z), tl) == pytest.approx(100 * right / 300)
    assert density.nearest_mean_accuracy(torch.tensor(z) * 7, tl + 5) == pytest.approx(100 * right / 300)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_reports_what_the_trained_network_does(variant: dict[str, Any]) -> None:
    config = LatentClassesConfig(**{**SMALL, **variant})
    result = density.run_latent_classes(config)
    again = density.run_latent_classes(config)
    assert (result.status, result.final, result.history) == ("finished", again.final, again.history)
    assert [row["epoch"] for row in result.history] == [0, 1, 2, 3]
    last, final = result.history[-1], result.final
    assert all(last[k] == final[k] for k in last if k.startswith(("norm_class", "spearman")))
    assert final["spearman_norm_distance"] == final[f"spearman_norm_distance_{config.plotted}"]
    assert result.history[0]["spearman_norm_distance"] == final["spearman_norm_distance_untrained"]
    assert final["norm_class_1"] != final["norm_class_1_untrained"]
    if config.correlation == "within":
        assert final["spearman_norm_distance_new"] == final["spearman_within_new"]
    n = config.classes * config.per_class
    assert {len(v) for k, v in result.arrays.items()} == {min(n, 240), min(n, 480 if config.dim == 3 else 240)}
    if config.dim == 3:
        norms = np.linalg.norm(result.arrays["embedding"], axis=1)
        np.testing.assert_allclose(norms, result.arrays["norm"], rtol=1e-5)


def test_classes_are_numbered_by_frequency() -> None:
    config = LatentClassesConfig(weights=(1.0, 8.0, 2.0, 4.0))
    norm, labels = torch.tensor([1.0, 2.0, 3.0, 4.0, 6.0]), torch.tensor([0, 1, 2, 3, 3])
    assert density.class_norms(norm, labels, config) == {
        "norm_class_1": 2, "norm_class_2": 5, "norm_class_3": 3, "norm_class_4": 1,
    }  # fmt: skip


def test_a_network_that_is_not_finite_is_reported_as_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(p: lc.Parameters, *_: Any) -> float:
        with torch.no_grad():
            p[2][0, 0] = math.inf
        return math.nan

    monkeypatch.setattr(density, "train_epoch", explode)
    result = density.run_latent_classes(LatentClassesConfig(**SMALL))
    assert (result.status, len(result.history), result.final) == ("diverged", 1, {})


def test_bad_settings_are_refused_in_one_line() -> None:
    cases: list[dict[str, Any]] = [
        {"weights": (1.0, 2.0)}, {"noise": 0.0}, {"per_class": 2}, {"plotted": "new"}, {"batch": 1}, {"dim": 2.5},
    ]  # fmt: skip
    for bad in cases:
        with pytest.raises(InputError, match="allowed|neighbour"):
            LatentClassesConfig(**bad)
    with pytest.raises(InputError, match="10 neighbours"):
        density.neighbour_distance(torch.ones(10, 2))


def test_the_declared_cells_say_what_the_claims_need() -> None:
    density_cells, frequency, solid = (experiments.get(n) for n in ("density", "frequency", "latents-3d"))
    text: LatentClassesConfig = density_cells.cell("paper", "text").config  # type: ignore[assignment]
    released: LatentClassesConfig = density_cells.cell("paper", "released").config  # type: ignore[assignment]
    assert (text.dim, text.per_class, text.noise**2, text.batch) == (11, 1000, pytest.approx(0.1), 128)
    assert (released.dim, released.noise, released.other_noise, released.plotted) == (10, 1.0, 0.1, "other")
    assert len(density_cells.cell("paper", "text").seeds) >= 5
    assert frequency.cell("paper", "released").config.to_dict()["weights"] == [8, 4, 2, 1]
    assert solid.cell("paper", "text").config.to_dict()["classes"] == 8
    assert configs.kind("simulation:latent-classes") is LatentClassesConfig


def test_the_setting_is_described_in_words() -> None:
    config = LatentClassesConfig(per_class=1000, dim=11).to_dict()
    record = Record("simulation:latent-classes", "", "density", "text", "paper", config, "finished", [], {}, {})
    assert verdicts.describe(record) == r"4 latent classes in $\mathbb{R}^{11}$, 4,000 points, 50 epochs"
