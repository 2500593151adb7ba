"""InfoNCE's gradient: the outcomes, the counterexamples by hand, autograd over drawn batches."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ssllib import geometry, losses
from ssllib.theory.proofs import infonce, repulsion_size
from ssllib.theory.proofs.batches import (
    BatchRelation,
    GramBatch,
    NumberBatch,
    PlaneBatch,
    batch_error,
    hard_batch,
)
from ssllib.theory.proofs.formulas import zero
from ssllib.theory.proofs.infonce_formulas import (
    attraction,
    batch_form,
    gradient_of,
    over_tau,
    own_term,
    printed_2406,
    printed_2502,
    repulsion,
)
from ssllib.theory.proofs.statements import TOLERANCE, Statement, Undecided, examine

pytest.importorskip("sympy")
pytest.importorskip("z3")

OUTCOMES = {
    "infonce-gradient-2406": [False, True],
    "infonce-gradient-2502": [True] * 5,
    "infonce-gradient-proof-sign": [False, True],
    "infonce-gradient-properties": [True] * 4,
    "infonce-gradient-whole-batch": [True] * 5,
    "repulsion-smaller": [False, True, True],
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[Statement]]:
    return {name: check(0) for name, check in (infonce.CHECKS | repulsion_size.CHECKS).items()}


def drawn(seed: int, n: int, d: int) -> Tensor:
    """2n embeddings in float64, norms from 1e-3 to 1e3, neighbours positive pairs."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(2 * n, d, generator=generator, dtype=torch.float64)
    return z * 10 ** (6 * torch.rand(2 * n, 1, generator=generator, dtype=torch.float64) - 3)


def test_which_statements_hold(found: dict[str, list[Statement]]) -> None:
    assert {name: [s.holds for s in statements] for name, statements in found.items()} == OUTCOMES


def test_whatever_is_false_is_corrected(found: dict[str, list[Statement]]) -> None:
    false = [s for statements in found.values() for s in statements if not s.holds]
    assert len(false) == 3 and all(s.corrected and s.counterexample and s.role == "claim" for s in false)


def test_corollary_4_by_hand(found: dict[str, list[Statement]]) -> None:
    """z = (1, 0), positive (0, 1), negative (0, -1): weights 1/2 each, so the repulsions cancel."""
    assert found["infonce-gradient-2406"][0].counterexample == {
        "z": [1, 0], "positive": [0, 1], "negative": [0, -1], "printed": [0, 1], "derivative": [0, -1],
    }  # fmt: skip


def test_the_sign_in_the_proof_by_hand(found: dict[str, list[Statement]]) -> None:
    """z = (1, 0), others (0, 1) and (1, 0): only the first pushes, with weight 1 / (1 + e)."""
    example = found["infonce-gradient-proof-sign"][0].counterexample
    assert example is not None
    assert (example["printed"], example["derivative"]) == ([0, "-1/(1 + E)"], [0, "1/(1 + E)"])
    assert found["infonce-gradient-proof-sign"][1].holds  # the next line takes the minus back


def test_repulsion_by_hand(found: dict[str, list[Statement]]) -> None:
    """A positive that is reached attracts no more; a negative at a right angle repels by 1 / (1 + e)."""
    example = found["repulsion-smaller"][0].counterexample
    assert example is not None
    assert (example["positive"], example["attractive"]) == ([1, 0], 0)
    z, others = torch.tensor([[1.0, 0]]), [torch.tensor([[1.0, 0]]), torch.tensor([[0.0, 1]])]
    space = NumberBatch(z.double(), [t.double() for t in others])
    assert float(space.gradient(repulsion).norm()) == pytest.approx(1 / (1 + math.e))
    assert float(space.gradient(attraction).norm()) == 0


def test_the_batch_may_point_the_other_way(found: dict[str, list[Statement]]) -> None:
    example = found["infonce-gradient-whole-batch"][-1].counterexample
    assert example is not None
    names = ("z", "positive", "first negative", "its positive")
    z = torch.tensor([example[name] for name in names], dtype=torch.float64).requires_grad_()
    (whole,) = torch.autograd.grad(4 * losses.info_nce(z[0::2], z[1::2], 1.0), z)
    own = geometry.infonce_gradient(z.detach(), 0, 1)
    assert [round(float(x), 4) for x in own] == [0, float(example["own term"][1])]
    assert round(float(whole[0, 1]), 4) == float(example["whole batch, times 2n"][1])
    assert float(own @ whole[0]) < 0


# --- what the checks stand on -----------------------------------------------------------------------------


def test_a_wrong_sign_is_seen_in_symbols_and_in_numbers() -> None:
    wrong = BatchRelation(printed_2406, gradient_of(own_term), tempered=False)
    assert not wrong.proved() and wrong.counterexample() is not None
    assert batch_error(over_tau(printed_2406), gradient_of(own_term), 3, 3, 0.5) > 0.1


def test_a_missing_temperature_is_seen() -> None:
    assert not BatchRelation(printed_2502, gradient_of(own_term)).proved()
    assert batch_error(printed_2502, gradient_of(own_term), 3, 3, 0.5) > 0.1


def test_a_loss_that_sees_the_norm_is_not_tangent() -> None:
    def inner_product(s):  # type: ignore[no-untyped-def]
        return -s.dot(s.z, s.t)

    relation = BatchRelation(lambda s: s.dot(s.z, s.gradient(inner_product)), zero)
    assert not relation.proved()
    assert relation.counterexample() == {
        "z": [1, 0], "positive": [1, 0], "negative": [0, 1], "left side": -1, "right side": 0,
    }  # fmt: skip


def test_without_a_proof_or_an_example_there_is_no_verdict() -> None:
    def hidden(s):  # type: ignore[no-untyped-def]
        """Zero at every point that is tried, and nowhere else."""
        return s.dot(s.z, s.z) * 0 + (s.tau - 1)

    relation = BatchRelation(hidden, zero)
    with pytest.raises(Undecided):
        examine("x", "y", relation)


def test_gram_and_plane_agree_on_the_gradient() -> None:
    """The chain rule through inner products gives, at a point, what coordinates give."""
    plane, gram = PlaneBatch([(0, 1), (1, 1)]), GramBatch(2, tempered=False)
    exact = [float(x) for x in plane.put(plane.gradient(own_term), (2, 0))]
    vectors = {0: (2, 0), 1: (0, 1), 2: (1, 1)}
    here = {
        g: sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))
        for (a, b), g in gram.products.items()
    }
    value = gram.gradient(own_term)
    parts = [float(value.diff(v).subs(here)) for v in gram.vectors]
    mixed = [sum(p * vectors[k][axis] for k, p in enumerate(parts)) for axis in (0, 1)]
    assert mixed == pytest.approx(exact)


def test_hard_batches_have_their_corners() -> None:
    z, others = hard_batch(3, 5, spread=8)
    u = [geometry.unit(x) for x in (z, *others)]
    cosines = torch.stack([(u[0] * v).sum(1) for v in u[1:]])
    assert bool((cosines > 1 - 1e-12).any(1).all()) and bool((cosines < -1 + 1e-12).any(1).all())
    assert 1e-9 < float(torch.stack([z, *others]).norm(dim=-1).min()) < 1e-6


# --- Hypothesis -------------------------------------------------------------------------------------------

SEED = st.integers(0, 10**6)
settings.register_profile("batches", deadline=None, max_examples=40, derandomize=True)


@settings(settings.get_profile("batches"))
@given(seed=SEED, d=st.integers(1, 8), m=st.integers(1, 9), tau=st.sampled_from([0.1, 0.5, 1.0, 4.0]))
def test_proposition_3_2_with_a_temperature(seed: int, d: int, m: int, tau: float) -> None:
    assert batch_error(over_tau(printed_2502), gradient_of(own_term), d, m, tau, seed) < TOLERANCE


@settings(settings.get_profile("batches"))
@given(seed=SEED, n=st.integers(2, 5), d=st.integers(1, 6), tau=st.sampled_from([0.1, 0.5, 1.0]))
def test_the_whole_batch_in_closed_form_is_tangent_and_scales(seed: int, n: int, d: int, tau: float) -> None:
    z = drawn(seed, n, d).requires_grad_()
    (g,) = torch.autograd.grad(losses.info_nce(z[0::2], z[1::2], tau), z)
    z = z.detach()
    assert float((z * g).sum(1).abs().max()) < TOLERANCE / tau
    first, *others = z.unsqueeze(1).unbind()
    assert torch.allclose(batch_form(NumberBatch(first, others, tau))[0], g[0], rtol=1e-9, atol=1e-12)
    far = z.clone()
    far[0] *= 7
    far.requires_grad_()
    (h,) = torch.autograd.grad(losses.info_nce(far[0::2], far[1::2], tau), far)
    assert torch.allclose(7 * h[0], g[0], rtol=1e-9, atol=1e-12)


@settings(settings.get_profile("batches"))
@given(seed=SEED, d=st.integers(1, 8), m=st.integers(1, 12), tau=st.sampled_from([0.05, 0.5, 1.0]))
def test_repulsion_is_bounded_by_the_largest_sine(seed: int, d: int, m: int, tau: float) -> None:
    z, others = hard_batch(d, m, draws=21, seed=seed, spread=6)
    space = NumberBatch(z, others, tau)
    pushed = space.norm(space.gradient(repulsion))
    bound = torch.stack([geometry.gradient_norm(z, t) for t in others]).amax(dim=0).unsqueeze(1) / tau
    assert bool(
        (pushed * z.norm(dim=1, keepdim=True) <= bound * z.norm(dim=1, keepdim=True) + TOLERANCE / tau).all()
    )


def test_at_rest_both_halves_are_equal() -> None:
    """Positive (1, 1), negative (-1, 1): the same part orthogonal to z = (1, 0), so the anchor does not move."""
    z, t, far = torch.tensor([[[1.0, 0]], [[1.0, 1]], [[-1.0, 1]]], dtype=torch.float64)
    space = NumberBatch(z, [t, far])
    assert float(space.gradient(own_term).norm()) < 1e-15
    assert (
        float(space.gradient(repulsion).norm())
        == pytest.approx(float(space.gradient(attraction).norm()))
        != 0
    )
