"""The simulation of norm and angle against plain vectors moved by autograd, and against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib import geometry
from ssllib.engine import config as configs
from ssllib.engine.simulations import small_step
from ssllib.engine.simulations.norm_and_angle import (
    NOT_WITHIN_CAP,
    PRINTED_ALPHAS,
    NormAndAngleConfig,
    State,
    descend,
    leap,
    quadrature,
    random_cosines,
    start,
    step,
)
from ssllib.errors import InputError
from ssllib.evidence import papers
from ssllib.gradscale import scale_grad
from ssllib.paths import data_dir
from ssllib.runs import experiments

RELEASED: dict[str, Any] = {"first_step": "dot"}
TEXT: dict[str, Any] = {"moving": "one", "scaled": "one", "renormalise": False}
_NOTEBOOK = papers.load("other")  # the released notebook's own output
PRINTED_BY_NORM: dict[float, float] = {
    c.key["norm"]: c.value for c in _NOTEBOOK.table("notebook-norms").cells() if c.value is not None
}
PRINTED_BY_ALPHA: dict[float, Any] = {
    -c.key["a"]: c.value for c in _NOTEBOOK.table("notebook-angles").cells(metric="steps")
}


def plain(config: NormAndAngleConfig, norm: float, alpha: float) -> tuple[int, float]:
    """The slow way, one setting: vectors, a loss, autograd, SGD. Returns the steps and the growth of z_2."""
    rng = np.random.default_rng(config.seed)
    x1, x2 = (torch.tensor(rng.standard_normal((config.pairs, config.dim))) for _ in range(2))
    x1, x2 = F.normalize(x1, dim=1), F.normalize(x2, dim=1)
    x2 = x2 * (1 - abs(alpha)) + x1 * alpha
    if config.renormalise:
        x2 = F.normalize(x2, dim=1)
    z1 = (x1 * norm if config.scaled == "both" else x1).clone().requires_grad_(config.moving == "both")
    z2 = (x2 * norm).clone().requires_grad_()
    before = z2.detach().norm(dim=1)
    sizes = z1.detach().norm(dim=1) * before
    sgd = torch.optim.SGD([z for z in (z1, z2) if z.requires_grad], lr=config.rate)
    for taken in range(config.cap + 1):
        cosine = F.cosine_similarity(z1, z2, dim=1, eps=0)
        if cosine.mean() > config.threshold:
            return taken, float((z2.detach().norm(dim=1) / before).mean())
        a, b = scale_grad(z1, config.power), scale_grad(z2, config.power)
        dot = taken == 0 and config.first_step == "dot"
        loss = -((a * b).sum(1) / sizes if dot else F.cosine_similarity(a, b, dim=1, eps=0)).mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    return -1, math.nan


SMALL: dict[str, Any] = {
    "pairs": 40,
    "rate": 0.8,
    "norms": (0.25, 0.5, 1.0, 3.0),
    "alphas": (-0.96, -0.4, 0.0, 0.7, 1.0),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "variant",
    [
        RELEASED,
        TEXT,
        {"power": 0.0},
        {"power": 1.0},
        {"power": 2.0},
        {"power": 0.5},
        {"scaled": "one"},
        {"moving": "one", "first_step": "dot"},
        {"renormalise": False, "power": 1.0, "first_step": "dot"},
        {"dim": 3, "threshold": 0.9, "rate": 30.0},
    ],
    ids=str,
)
def test_equals_plain_gradient_descent(variant: dict[str, Any], seed: int) -> None:
    config = NormAndAngleConfig(**(SMALL | variant), seed=seed)
    result = config.run()
    for i, norm in enumerate(config.norms):
        for j, alpha in enumerate(config.alphas):
            steps, growth = plain(config, norm, alpha)
            assert result.arrays["steps"][i, j] == steps, (norm, alpha)
            assert result.arrays["growth"][i, j] == pytest.approx(growth, rel=1e-9)


def by_steps(config: NormAndAngleConfig) -> tuple[np.ndarray, np.ndarray]:
    """Steps and growth of all settings, every pair moved step by step."""
    state = start(config)
    shape = (len(config.norms), len(config.alphas))
    parts = [descend(state.rows(np.array([i])), config) for i in range(len(state.cosine))]
    steps, growth = (np.concatenate(part).reshape(shape) for part in zip(*parts, strict=True))
    return steps, growth


@pytest.mark.parametrize(
    "variant",
    [RELEASED, TEXT, {"power": 1.0}, {"power": 3.0}, {"scaled": "one"}, {"moving": "one"}, {"threshold": 0.2},
     {"rate": 1000.0}, {"cap": 700, **RELEASED}, {"dim": 3}, {"pairs": 19, "rate": 0.4}],
    ids=str,
)  # fmt: skip
def test_nodes_and_leaps_give_what_all_pairs_step_by_step_give(variant: dict[str, Any]) -> None:
    small = SMALL | {"pairs": 100, "rate": 2.0, "norms": (0.25, 1.0, 2.5, 4.0), "seed": 4}
    config = NormAndAngleConfig(**(small | variant))  # type: ignore[arg-type]
    found = config.run().arrays
    steps, growth = by_steps(config)
    np.testing.assert_array_equal(found["steps"], steps)
    np.testing.assert_allclose(found["growth"], growth, rtol=1e-9)


@pytest.mark.parametrize("name", ["released", "text", "p0", "p1", "p2", "text-both-move", "rate-per-pair", "sphere"])
def test_committed_records_are_repeated(name: str) -> None:
    """Made with every pair moved step by step: the same steps to within one, and the same growth."""
    cell = experiments.get("norm-and-angle").cell("paper", name)
    for seed in cell.seeds[:2]:
        config = cell.config.replace(seed=seed)
        (path,) = (data_dir() / "records" / "paper" / "norm-and-angle").glob(f"{name}-s{seed}-*.npz")
        assert config.identity()[:8] in path.name
        with np.load(path) as then:
            now = config.run().arrays
            np.testing.assert_allclose(now["steps"], then["steps"], rtol=0, atol=1)  # nan where nan was
            assert (now["steps"] != then["steps"])[np.isfinite(then["steps"])].mean() < 0.002
            np.testing.assert_allclose(now["growth"], then["growth"], rtol=1e-8)


@pytest.mark.parametrize(("dim", "most"), [(3, 250), (20, 25), (200, 10)])
def test_nodes_stand_for_the_pairs(dim: int, most: int) -> None:
    x = random_cosines(500, dim, 0)
    rule = quadrature(x)
    assert rule is not None
    nodes, weights = rule
    assert len(nodes) <= most and weights.min() > 0 and x.min() <= nodes.min() and nodes.max() <= x.max()
    for t in (-0.999, -0.5, 0.0, 0.9, 0.999):  # cosines after many small steps
        after = [(c + t) / (1 + t * c) for c in (nodes, x)]
        assert weights @ after[0] == pytest.approx(after[1].mean(), abs=1e-13)
    assert weights @ np.arccos(nodes) == pytest.approx(np.arccos(x).mean(), abs=1e-13)


def test_where_nodes_cannot_stand_for_the_pairs() -> None:
    for x in (np.array([-1.0, 0.5]), np.linspace(-0.9, 0.9, 19), np.full(40, 0.3), np.linspace(-1, 1, 50)):
        assert quadrature(x) is None
    assert quadrature(np.linspace(-0.99, 0.99, 100)) is None  # 138 nodes would be needed


@pytest.mark.parametrize("variant", [{}, TEXT, {"power": 1.0}, {"scaled": "one"}], ids=str)
def test_a_leap_is_that_many_steps(variant: dict[str, Any]) -> None:
    config = NormAndAngleConfig(**variant, pairs=50, rate=0.1, norms=(2.0, 5.0), alphas=(-0.9, 0.3))
    state = start(config)
    after = leap(state, config, np.full(4, 40.0))
    for _ in range(40):
        state = step(state, config)
    for name in ("cosine", "square1", "square2"):
        np.testing.assert_allclose(getattr(after, name), getattr(state, name), rtol=1e-9)


@pytest.mark.parametrize("norm", [0.25, 1.0, 2.0])
def test_equals_plain_gradient_descent_in_the_papers_setting(norm: float) -> None:
    config = NormAndAngleConfig(**RELEASED, norms=(norm,), alphas=(-0.96, 0.0))
    assert list(config.run().arrays["steps"][0]) == [plain(config, norm, a)[0] for a in config.alphas]


def test_repeats_the_numbers_the_released_notebook_printed() -> None:
    runs = [NormAndAngleConfig(**RELEASED, alphas=(0.0,), seed=s).run().final for s in range(3)]
    for norm, printed in PRINTED_BY_NORM.items():
        assert np.mean([r[f"steps_norm_{norm:g}"] for r in runs]) == pytest.approx(printed, rel=0.03)
    slopes = [r["slope_loglog"] for r in runs]
    assert np.mean(slopes) == pytest.approx(2.00, abs=0.02)


def test_repeats_the_printed_steps_by_angle_only_with_the_notebooks_first_step() -> None:
    printed = [PRINTED_BY_ALPHA[round(a, 2)] for a in PRINTED_ALPHAS]
    here = {
        first: NormAndAngleConfig(first_step=first, norms=(1.0,)).run().arrays["steps"][0]
        for first in ("dot", "cosine")
    }
    assert np.abs(here["dot"] - printed).max() <= 2
    assert here["dot"][0] == pytest.approx(printed[0], rel=0.01)
    assert here["cosine"][0] > 1.03 * printed[0]


def test_gradscale_takes_one_power_of_the_norm_off_the_steps_for_each_p() -> None:
    for power in (0.0, 1.0, 2.0):
        final = NormAndAngleConfig(power=power, alphas=(0.0,)).run().final
        assert final["slope_loglog"] == pytest.approx(2 - power, abs=0.01)
    assert len({final[f"steps_norm_{n:g}"] for n in PRINTED_BY_NORM}) == 1  # p = 2: the norm is gone


@pytest.mark.parametrize("variant", [{}, TEXT, {"power": 1.0}, {"power": 2.0}], ids=str)
def test_small_step_laws(variant: dict[str, Any]) -> None:
    config = NormAndAngleConfig(**variant, norms=(3.0, 6.0), alphas=PRINTED_ALPHAS[:-2:6])
    arrays = config.run().arrays
    np.testing.assert_allclose(small_step.steps(config), arrays["steps"], rtol=0.02, atol=1)
    np.testing.assert_allclose(small_step.growth(config) - 1, arrays["growth"] - 1, rtol=0.03)


def test_small_step_laws_at_the_ends() -> None:
    config = NormAndAngleConfig(norms=(1.0,), alphas=(-1.0, 1.0))
    assert list(small_step.steps(config)[0]) == [np.inf, 0]
    with pytest.raises(InputError, match="unequal norms"):
        small_step.growth(NormAndAngleConfig(scaled="one"))


@pytest.mark.parametrize("variant", [RELEASED, TEXT, {"power": 2.0}], ids=str)
def test_opposite_pairs_never_meet(variant: dict[str, Any]) -> None:
    result = NormAndAngleConfig(**variant, norms=(0.25, 1.0), alphas=(-1.0, 0.0)).run()
    assert np.isnan(result.arrays["steps"][:, 0]).all() and np.isfinite(result.arrays["steps"][:, 1]).all()
    assert result.final["steps_angle_-1"] == NOT_WITHIN_CAP
    assert "factor_angle" not in result.final or result.final["factor_angle"] == 1


def test_the_cap_is_reported_and_is_not_a_number() -> None:
    config = NormAndAngleConfig(cap=96, norms=(0.5, 1.0, 2.0), alphas=(-0.96, 0.0), seed=1)
    final = config.run().final
    assert final["steps_norm_0.5"] == 24 and final["steps_norm_1"] == 96  # 96 steps are within a cap of 96
    assert final["steps_norm_2"] == final["steps_angle_-0.96"] == NOT_WITHIN_CAP
    assert "factor_norm" not in final


def test_summary_leaves_out_what_the_grid_cannot_give() -> None:
    final = NormAndAngleConfig(norms=(2.0,), alphas=(0.0,)).run().final
    assert set(final) == {"steps_norm_2"}


@settings(max_examples=50, deadline=None)
@given(
    dim=st.integers(2, 6),
    norms=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
    rate=st.floats(1e-3, 3),
    seed=st.integers(0, 999),
)
def test_one_step_equals_the_vectors_step(
    dim: int, norms: tuple[float, float], rate: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    z1, z2 = (
        torch.tensor(n * v / np.linalg.norm(v))
        for n, v in zip(norms, rng.standard_normal((2, dim)), strict=True)
    )
    config = NormAndAngleConfig(pairs=1, rate=rate, dim=dim)
    state = State(*(np.array([[float(v)]]) for v in (geometry.cosine(z1, z2), z1 @ z1, z2 @ z2)))
    after = step(state, config)
    w1, w2 = geometry.step(z1, z2, rate)
    assert after.cosine[0, 0] == pytest.approx(float(geometry.cosine(w1, w2)), abs=1e-12)
    assert after.square1[0, 0] == pytest.approx(float(w1 @ w1), rel=1e-12)
    assert after.square2[0, 0] == pytest.approx(float(w2 @ w2), rel=1e-12)
    assert after.square1[0, 0] >= state.square1[0, 0] and after.square2[0, 0] >= state.square2[0, 0]


def test_start_has_the_norms_and_angles_asked_for() -> None:
    state = start(NormAndAngleConfig(norms=(0.5, 2.0), alphas=(-1.0, 0.0, 1.0)))
    assert state.square1 is state.square2
    np.testing.assert_allclose(state.square2[:, 0], [0.25] * 3 + [4.0] * 3)
    np.testing.assert_array_equal(state.cosine[[0, 3]], -1)
    np.testing.assert_array_equal(state.cosine[[2, 5]], 1)
    np.testing.assert_array_equal(state.cosine[1], random_cosines(500, 20, 0))
    text = start(NormAndAngleConfig(**TEXT, norms=(2.0,), alphas=(-0.5,)))
    assert np.sqrt(text.square2).mean() == pytest.approx(2 * 0.7, abs=0.02)  # not the norm asked for
    assert np.unique(text.square1) == [1.0]


def test_the_run_is_a_function_of_its_configuration() -> None:
    config = NormAndAngleConfig(norms=(1, 2), alphas=[-0.0, 0.5], seed=3)  # type: ignore[arg-type]
    again = configs.kind("simulation:norm-and-angle").from_dict(config.to_dict())
    assert again == config and again.identity() == config.identity()
    assert config.alphas == (0.0, 0.5) and math.copysign(1, config.alphas[0]) == 1
    assert config.run().final == again.run().final
    assert (config.replace(seed=4).run().arrays["growth"] != config.run().arrays["growth"]).all()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"pairs": 0}, "pairs is 0"),
        ({"pairs": 2.5}, "pairs is 2.5; allowed: a whole number"),
        ({"dim": 1}, "dim is 1"),
        ({"rate": 0.0}, "rate is 0.0"),
        ({"rate": math.nan}, "rate is nan"),
        ({"threshold": 1.0}, "threshold is 1.0"),
        ({"cap": 0}, "cap is 0"),
        ({"power": -1.0}, "power is -1.0"),
        ({"moving": "none"}, "unknown moving 'none'; allowed: both, one"),
        ({"scaled": "two"}, "unknown scaled"),
        ({"first_step": "euclid"}, "unknown first_step"),
        ({"norms": ()}, "norms is"),
        ({"norms": 1.0}, "norms is 1.0"),
        ({"norms": (0.0, 1.0)}, "one of norms is 0.0"),
        ({"norms": (1.0, 1.0)}, "increasing"),
        ({"alphas": (-1.5,)}, "one of alphas is -1.5"),
        ({"alphas": ("a",)}, "one of alphas is 'a'"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_bad_settings_are_named_in_one_line(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        NormAndAngleConfig(**bad)
    assert message in str(error.value) and "\n" not in str(error.value)
