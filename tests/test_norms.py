import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.metrics import roc_auc_score

from ssllib.errors import InputError
from ssllib.norms import (
    SCALES,
    NormMonitor,
    alignment,
    auroc,
    effective_rank,
    extremes,
    norm_bins,
    norm_statistics,
    pair_cosines,
    ranks,
    spearman,
    spherical_variance,
    uniformity,
    variance,
)


def test_norm_statistics() -> None:
    z = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert norm_statistics(z) == pytest.approx({"mean": 3.0, "std": 2.8284271, "min": 1.0, "max": 5.0})


def test_pair_cosines_ignore_the_norms() -> None:
    a, b = torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 9.0], [-5.0, 0.0]])
    torch.testing.assert_close(pair_cosines(a, b), torch.tensor([0.0, -1.0]))


def test_effective_rank_of_k_equal_directions() -> None:
    z = torch.cat([torch.eye(4), -torch.eye(4)])
    assert effective_rank(z) == pytest.approx(4.0, rel=1e-4)
    assert effective_rank(torch.outer(torch.linspace(-1, 1, 9), torch.ones(5))) == pytest.approx(1.0, abs=1e-2)


def test_monitor_in_a_model_of_ones_own() -> None:
    layer = torch.nn.Linear(3, 3, bias=False)
    torch.nn.init.eye_(layer.weight)
    monitor = NormMonitor(layer)
    assert monitor.means == []
    layer(torch.tensor([[3.0, 4.0, 0.0]]))
    layer(torch.tensor([[0.0, 0.0, 2.0]]))
    assert monitor.means == pytest.approx([5.0, 2.0])
    monitor.remove()
    layer(torch.ones(1, 3))
    assert len(monitor.means) == 2


@pytest.fixture(scope="module")
def z() -> torch.Tensor:
    return torch.randn(70, 5, generator=torch.Generator().manual_seed(0)) + 0.3


def test_variances(z: torch.Tensor) -> None:
    assert variance(z) == pytest.approx(float(np.var(z.double().numpy(), axis=0).sum()), rel=1e-5)
    u = z.double().numpy() / np.linalg.norm(z.double().numpy(), axis=1, keepdims=True)
    assert spherical_variance(z) == pytest.approx(1 - np.square(u.mean(axis=0)).sum(), rel=1e-5)
    assert variance(3 * z) == pytest.approx(9 * variance(z)) and spherical_variance(3 * z) == pytest.approx(
        spherical_variance(z)
    )
    one_way = torch.outer(torch.linspace(1, 5, 9), torch.ones(4))
    assert spherical_variance(one_way) == pytest.approx(0, abs=1e-6) and variance(one_way) > 1
    assert spherical_variance(torch.cat([z, -z])) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("chunk", [7, 70, 4096])
@pytest.mark.parametrize("t", [0.5, 2.0])
def test_uniformity_against_two_loops(z: torch.Tensor, chunk: int, t: float) -> None:
    u = z.double() / z.double().norm(dim=1, keepdim=True)
    terms = [float(torch.exp(-t * (u[i] - u[j]).square().sum())) for i in range(70) for j in range(70) if i != j]
    assert uniformity(z, t, chunk=chunk) == pytest.approx(np.log(np.mean(terms)), rel=1e-5)


def test_uniformity_at_its_ends() -> None:
    assert uniformity(torch.ones(300, 4)) == pytest.approx(0, abs=1e-5)
    spread = torch.randn(2000, 512, generator=torch.Generator().manual_seed(1))
    assert uniformity(spread) == pytest.approx(-4, abs=0.05)
    with pytest.raises(InputError, match="at least 2"):
        uniformity(torch.ones(1, 4))


def test_alignment(z: torch.Tensor) -> None:
    w = z.flip(0)
    assert alignment(z, w) == pytest.approx(2 - 2 * float(pair_cosines(z, w).mean()), rel=1e-5)
    assert alignment(z, 5 * z) == pytest.approx(0, abs=1e-6)
    assert alignment(z, -z, power=1) == pytest.approx(2, rel=1e-6)


def _bins_by_loop(norms: list[float], values: list[float], low: float, above: int) -> list[tuple[float, int, float]]:
    high, found = max(norms), []
    for b in range(20):
        inside = [
            v for n, v in zip(norms, values, strict=True)
            if min(19, math.floor(20 * (n - low) / (high - low))) == b
        ]  # fmt: skip
        if len(inside) > above:
            found.append(((b + 0.5) / 20, len(inside), sum(inside) / len(inside)))
    return found


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("above", [0, 50])
def test_norm_bins_against_a_loop(scale: str, above: int) -> None:
    g = torch.Generator().manual_seed(0)
    norms = 3 + torch.randn(1000, generator=g, dtype=torch.float64).abs()
    correct = 100 * (torch.rand(1000, generator=g) < 0.7).double()
    bins = norm_bins(norms, correct, scale=scale, above=above)
    low = float(norms.min()) if scale == "min-max" else 0.0
    expected = _bins_by_loop(norms.tolist(), correct.tolist(), low, above)
    assert len(bins.count) == len(expected) > 3
    for got, want in zip((bins.centre, bins.count, bins.mean), zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)
    assert above or int(bins.count.sum()) == 1000


def test_more_than_fifty_and_the_trend() -> None:
    norms = torch.cat([torch.full((n,), x) for n, x in ((50, 0.12), (51, 0.52), (60, 0.72), (70, 1.0))])
    values = torch.cat([torch.full((n,), v) for n, v in ((50, 9.0), (51, 1.0), (60, 2.0), (70, 3.0))])
    bins = norm_bins(norms, values)
    assert bins.count.tolist() == [51, 60, 70] and bins.mean.tolist() == [1, 2, 3]
    assert bins.centre.tolist() == pytest.approx([0.525, 0.725, 0.975]) and bins.trend == pytest.approx(1)
    assert norm_bins(norms, -values).trend == pytest.approx(-1)
    assert norm_bins(norms, values, width=0.5).count.tolist() == [181]
    assert math.isnan(norm_bins(norms, values, width=1.0).trend)
    same = norm_bins(torch.full((80,), 2.0), torch.ones(80), scale="min-max")
    assert same.count.tolist() == [80]
    with pytest.raises(InputError, match="unknown scale of norms"):
        norm_bins(norms, values, scale="mean")
    with pytest.raises(InputError, match="do not fit"):
        norm_bins(norms, values[:5])


@pytest.mark.parametrize("distinct", [2, 5, 10**6])
def test_ranks_and_spearman_against_scipy(distinct: int) -> None:
    g = torch.Generator().manual_seed(distinct)
    x, y = torch.randint(0, distinct, (400,), generator=g), torch.rand(400, generator=g)
    y = torch.where(y < 0.5, x + y, y)
    np.testing.assert_array_equal(ranks(x).numpy(), scipy.stats.rankdata(x.numpy()))
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x.numpy(), y.numpy()).statistic, abs=1e-12)
    assert math.isnan(spearman(x, torch.ones(400)))


@pytest.mark.parametrize("distinct", [3, 20, 10**6])
def test_auroc_against_scikit_learn(distinct: int) -> None:
    g = torch.Generator().manual_seed(distinct)
    known = torch.randint(0, distinct, (300,), generator=g).float()
    other = torch.randint(0, max(2, distinct // 2), (120,), generator=g).float()
    truth = np.repeat([1, 0], [300, 120])
    assert auroc(known, other) == pytest.approx(roc_auc_score(truth, torch.cat([known, other]).numpy()), abs=1e-12)
    assert auroc(other, known) == pytest.approx(1 - auroc(known, other))
    assert auroc(known + distinct, other) == 1 and auroc(torch.ones(3), torch.ones(4)) == 0.5
    with pytest.raises(InputError, match="AUROC of 0"):
        auroc(known[:0], other)


def test_extremes_of_each_class() -> None:
    g = torch.Generator().manual_seed(0)
    norms, labels = torch.rand(60, generator=g), torch.randint(0, 3, (60,), generator=g)
    low, high = extremes(norms, labels, 3, count=4)
    for c in range(3):
        own = sorted((float(norms[i]), i) for i in range(60) if labels[i] == c)
        assert low[c].tolist() == [i for _, i in own[:4]] and high[c].tolist() == [i for _, i in own[-4:]]
    with pytest.raises(InputError, match="class 3 has 0 images; allowed: at least 4"):
        extremes(norms, labels, 4, count=4)


# --- numbers and sizes out of the ordinary ------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-15, 1e15, 1e30])
def test_no_scale_matters_where_only_directions_or_shares_count(z: torch.Tensor, scale: float) -> None:
    assert effective_rank(z * scale) == pytest.approx(effective_rank(z), rel=1e-3)
    assert spherical_variance(z * scale) == pytest.approx(spherical_variance(z), abs=1e-5)
    assert uniformity(z * scale) == pytest.approx(uniformity(z), abs=1e-4)
    assert alignment(z * scale, z.flip(0)) == pytest.approx(alignment(z, z.flip(0)), rel=1e-4)
    torch.testing.assert_close(pair_cosines(z * scale, z.flip(0)), pair_cosines(z, z.flip(0)), rtol=1e-3, atol=1e-4)


def test_uniformity_under_autocast(z: torch.Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert uniformity(z) == pytest.approx(uniformity(z.clone()), abs=0)
        inside = uniformity(z)
    assert inside == uniformity(z)


def test_one_embedding_and_none() -> None:
    one = torch.tensor([[3.0, 4.0]])
    found = norm_statistics(one)
    assert found["mean"] == found["max"] == 5 and math.isnan(found["std"])
    assert effective_rank(one) == 1 and variance(one) == 0 and spherical_variance(one) == pytest.approx(0, abs=1e-6)
    assert pair_cosines(one[:0], one[:0]).shape == (0,)
    for f in (norm_statistics, effective_rank, variance, spherical_variance, uniformity):
        for empty in (one[:0], one[:, :0], one[0]):
            with pytest.raises(InputError, match="allowed"):
                f(empty)


def test_a_nan_has_no_rank() -> None:
    x, y = torch.tensor([3.0, float("nan"), 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert ranks(x).isnan().all() and math.isnan(spearman(x, y)) and math.isnan(spearman(y, x))
    assert math.isnan(auroc(x, y)) and math.isnan(auroc(y, x))
    np.testing.assert_array_equal(ranks(x).numpy(), scipy.stats.rankdata(x.numpy()))
    unbounded = torch.tensor([float("inf"), 0.0, float("-inf")])
    assert ranks(unbounded).tolist() == [3, 2, 1]
    assert ranks(x[:0]).tolist() == [] and math.isnan(spearman(x[:1], x[:1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, v: norm_bins(n.log(), v), "1 of 60 norms are not finite"),
        (lambda n, v: norm_bins(n, v, width=0.3), "allowed: 1 over a whole number"),
        (lambda n, v: norm_bins(n, v, above=-1), "above is -1"),
        (lambda n, v: norm_bins(n[:, None], v[:, None]), "do not fit"),
        (lambda n, v: spearman(n, v[:1]), "rank correlation of shapes"),
        (lambda n, v: ranks(n[:, None]), "ranks of a tensor of shape"),
        (lambda n, v: auroc(n[:, None], v), "AUROC of shapes"),
        (lambda n, v: extremes(n.log(), torch.zeros(60, dtype=torch.int64), 1, 2), "1 of 60 norms are not finite"),
        (lambda n, v: extremes(n, torch.ones(60, dtype=torch.int64), 1, 2), "labels from 1 to 1; allowed: from 0 to 0"),
        (lambda n, v: extremes(n, torch.zeros(60, dtype=torch.int64), 1, 2.5), "count of images is 2.5"),
        (lambda n, v: extremes(n, v, 1, 2), "whole labels"),
        (lambda n, v: uniformity(v[:, None], t=0), "t of uniformity is 0"),
        (lambda n, v: alignment(n[:, None], v[:1, None]), "the positive pairs have shapes"),
    ],
)
def test_what_is_refused(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(torch.arange(60.0), torch.rand(60))


def test_extremes_take_labels_of_any_width() -> None:
    norms, labels = torch.rand(20), torch.arange(20) % 2
    for a, b in zip(extremes(norms, labels, 2, 3), extremes(norms, labels.byte(), 2, np.int64(3)), strict=True):
        assert torch.equal(a, b)
