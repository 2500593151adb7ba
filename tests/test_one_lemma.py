"""Norm growth from one lemma, the losses that it covers, and where growth ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib.theory.proofs import norm_growth, optimizers
from ssllib.theory.proofs.cosine_losses import (
    COVERED,
    ROUNDING,
    UNCOVERED,
    embeddings,
    largest_radial,
    radial,
)
from ssllib.theory.proofs.dino_head import PublishedHead, dino_of
from ssllib.theory.proofs.formulas import zero
from ssllib.theory.proofs.infonce_formulas import gradient_of
from ssllib.theory.proofs.norm_growth import Growth
from ssllib.theory.proofs.optimizers import RULES, adam, momentum, random_targets, shrinking_steps, walk
from ssllib.theory.proofs.statements import Statement

pytest.importorskip("sympy")
pytest.importorskip("z3")

FALSE = {"2406.16468 section 4"}


@pytest.fixture(scope="module")
def found() -> dict[str, list[Statement]]:
    return {name: check(0) for name, check in norm_growth.CHECKS.items()}


def test_which_statements_hold(found: dict[str, list[Statement]]) -> None:
    assert {s.source for statements in found.values() for s in statements if not s.holds} == FALSE


def test_nothing_false_is_corrected(found: dict[str, list[Statement]]) -> None:
    assert not any(s.corrected for statements in found.values() for s in statements)


def test_adam_by_hand(found: dict[str, list[Statement]]) -> None:
    """z = (2, 1) pulled up: the gradient is (2, -4) / 5^1.5, its signs (+, -), the step (-1/2, +1/2)."""
    example = found["norm-growth-optimizers"][1].counterexample
    assert example is not None
    assert (example["z"], example["t"], example["after"]) == ([2, 1], [0, 1], ["3/2", "3/2"])
    assert (example["squared norm before"], example["squared norm after"]) == (5, "9/2")


def test_shared_weights_by_hand() -> None:
    w = torch.eye(2, dtype=torch.float64, requires_grad=True)
    a, b = torch.tensor([[1.0, 0.0], [-1.0, 1.0]], dtype=torch.float64)
    (g,) = torch.autograd.grad(-torch.cosine_similarity(w @ a, w @ b, dim=0), w)
    after = (w - g).detach()
    assert float((after @ a).square().sum()) == pytest.approx(1.25 - 0.5**0.5)
    assert float(after.square().sum()) == pytest.approx(2.5)


def test_dino_by_hand(found: dict[str, list[Statement]]) -> None:
    """Cosines 0.6 and 0.8 with the prototypes, the teacher sure of the first: log(1 + e^0.2)."""
    example = found["dino-not-cosine"][0].counterexample
    assert example is not None
    assert example["loss at 1z"] == example["loss at 2z"] == f"{float(torch.tensor(0.2).exp().log1p()):.4f}"


# --- what the checks stand on -----------------------------------------------------------------------------


def inner_product(s):  # type: ignore[no-untyped-def]
    return s.dot(s.z, s.t)


def test_a_step_that_shrinks_is_found() -> None:
    growth = Growth(gradient_of(inner_product), zero, "<=")
    assert not growth.proved()
    assert growth.counterexample() == {
        "z": [1, 0], "positive": [1, 0], "gamma": 1, "after": [0, 0],
    }  # fmt: skip


def test_the_induction_needs_its_hypotheses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were v and g no vectors (no Cauchy-Schwarz), Z3 would not prove either."""
    assert optimizers.momentum_never_shrinks() and optimizers.nesterov_never_shrinks()
    monkeypatch.setattr(optimizers.Memory, "vectors", lambda self, ge: [])
    assert not optimizers.momentum_never_shrinks() and not optimizers.nesterov_never_shrinks()


@pytest.mark.parametrize("name", UNCOVERED)
def test_uncovered_losses_have_large_radial_parts(name: str) -> None:
    assert largest_radial(UNCOVERED[name], 8, 0) > 0.1


def test_barlow_twins_is_tangent_to_the_columns() -> None:
    """Scaling a dimension over the batch changes nothing, but for the epsilon of its batch norm."""
    z = embeddings(8, 0, spread=0.2).requires_grad_()
    (g,) = torch.autograd.grad(UNCOVERED["barlow_twins"](z), z)
    views = (z.detach() * g).reshape(2, 6, 8).sum(dim=1)
    assert float(views.abs().max()) < 1e-2 * float((z.detach() * g).abs().max())


def test_vicreg_and_barlow_twins_can_shrink_an_embedding() -> None:
    for f in UNCOVERED.values():
        along, _ = radial(f, embeddings(8, 0))
        assert float(along.max()) > 1e-3  # descent then shortens that embedding, at a small rate


def test_the_published_head_keeps_its_gains() -> None:
    head = PublishedHead(4, 3, 0)
    gains = head.last.parametrizations.weight.original0
    assert torch.allclose(head.last.weight.norm(dim=1, keepdim=True), gains)
    assert float(gains.detach().std()) > 0.01


# --- rules against torch ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule, theirs",
    [
        (momentum(0.1, 0.9, decay=0.01), lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.01)),
        (momentum(0.1, 0.9, nesterov=True), lambda p: torch.optim.SGD(p, 0.1, 0.9, nesterov=True)),
        (adam(0.1), lambda p: torch.optim.Adam(p, 0.1)),
    ],
)
def test_rules_are_torchs(rule, theirs) -> None:  # type: ignore[no-untyped-def]
    start, targets = random_targets(20, 4, 3, 0)
    z = start.clone().requires_grad_()
    optimizer = theirs([z])
    for target in targets:
        optimizer.zero_grad()
        (-torch.cosine_similarity(z, target, dim=1)).sum().backward()
        optimizer.step()
    assert torch.allclose(walk(rule, start, targets)[-1], z.detach(), rtol=1e-9, atol=1e-9)


# --- Hypothesis -------------------------------------------------------------------------------------------

settings.register_profile("lemma", deadline=None, max_examples=30, derandomize=True)


@settings(settings.get_profile("lemma"))
@given(
    name=st.sampled_from(sorted(COVERED)),
    seed=st.integers(0, 10**6),
    d=st.integers(2, 9),
    spread=st.floats(0, 5),
)
def test_covered_losses_are_tangent(name: str, seed: int, d: int, spread: float) -> None:
    assert largest_radial(COVERED[name], d, seed, spread) < ROUNDING


@settings(settings.get_profile("lemma"))
@given(
    name=st.sampled_from(sorted(COVERED)),
    seed=st.integers(0, 10**6),
    rate=st.floats(-6, 6).map(lambda x: 10**x),
)
def test_covered_losses_grow_norms_at_every_rate(name: str, seed: int, rate: float) -> None:
    z = embeddings(5, seed).requires_grad_()
    (g,) = torch.autograd.grad(COVERED[name](z), z)
    before, after = z.detach().norm(dim=1), (z.detach() - rate * g).norm(dim=1)
    assert bool((after >= before * (1 - 1e-12)).all())


@settings(settings.get_profile("lemma"))
@given(
    seed=st.integers(0, 10**6),
    d=st.integers(1, 5),
    mu=st.floats(0, 0.999),
    rate=st.floats(-3, 2).map(lambda x: 10**x),
    nesterov=st.booleans(),
)
def test_momentum_never_shrinks(seed: int, d: int, mu: float, rate: float, nesterov: bool) -> None:
    start, targets = random_targets(40, 4, d, seed)
    assert shrinking_steps(walk(momentum(rate, mu, nesterov), start, targets)) == 0


@settings(settings.get_profile("lemma"))
@given(seed=st.integers(0, 10**6), d=st.integers(1, 5), rate=st.floats(-4, 0).map(lambda x: 10**x))
def test_adam_with_one_second_moment_never_shrinks(seed: int, d: int, rate: float) -> None:
    start, targets = random_targets(40, 4, d, seed)
    assert shrinking_steps(walk(adam(rate, whole=True), start, targets)) == 0


@settings(settings.get_profile("lemma"))
@given(seed=st.integers(0, 10**6), k=st.floats(-4, 4).map(lambda x: 10**x))
def test_dino_does_not_see_the_bottleneck_s_norm(seed: int, k: float) -> None:
    f = dino_of(PublishedHead(6, 10, seed), 10)
    z = embeddings(6, seed)
    assert float(f(k * z).detach()) == pytest.approx(float(f(z).detach()), rel=1e-9)


def test_adam_shrinks_a_third_of_its_steps() -> None:
    start, targets = random_targets(300, 32, 3, 0)
    assert 0.2 < shrinking_steps(walk(RULES["Adam"](), start, targets)) < 0.5
