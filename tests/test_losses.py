"""Losses in value and gradient against plain loops written from the papers."""

import itertools
import math

import loss_loops as loops
import pytest
import torch
from loss_loops import LABELS, Loss, draw, value_and_gradient
from torch import Tensor

from ssllib import losses

SIZES = [(2, 2), (5, 3), (9, 16)]
TEMPERATURES = [0.02, 0.2, 1.0]
DTYPES = {torch.float64: (1e-9, 1e-8), torch.float32: (2e-5, 1e-4), torch.bfloat16: (2e-5, 1e-2)}


def agree(fast: Loss, slow: Loss, inputs: list[Tensor], dtype: torch.dtype = torch.float32) -> None:
    """`fast` in `dtype` and `slow` in float64 have one value and one gradient with respect to every input.

    Both start from the same rounded numbers, and the value must be good to float32 also for bfloat16: only
    the gradients, which come back in bfloat16, may be as coarse as that.
    """
    value_tolerance, gradient_tolerance = DTYPES[dtype]
    a = [x.to(dtype).clone().requires_grad_() for x in inputs]
    b = [x.detach().double().clone().requires_grad_() for x in a]
    value, reference = fast(*a), slow(*b)
    assert value.ndim == 0 and value.dtype == torch.promote_types(dtype, torch.float32)
    torch.testing.assert_close(value.double(), reference, rtol=value_tolerance, atol=value_tolerance)
    value.backward()
    reference.backward()
    for x, y in zip(a, b, strict=True):
        if y.grad is None or not y.grad.any():
            assert x.grad is None or x.grad.abs().max() < gradient_tolerance
            continue
        torch.testing.assert_close(
            x.grad.double(), y.grad, rtol=0, atol=gradient_tolerance * float(y.grad.abs().max())
        )


WITH_TEMPERATURE: dict[str, tuple[Loss, Loss]] = {
    "info_nce": (losses.info_nce, loops.info_nce_loops),
    "attraction": (
        losses.info_nce_attraction,
        lambda a, b, t: loops.info_nce_loops(a, b, t, repulsion=False),
    ),
    "repulsion": (losses.info_nce_repulsion, lambda a, b, t: loops.info_nce_loops(a, b, t, attraction=False)),
    "released": (losses.info_nce_released, loops.released_loops),
    "dcl": (losses.dcl, loops.dcl_loops),
    "sup_con": (
        lambda a, b, t: losses.sup_con(torch.cat([a, b]), LABELS.repeat(2)[: 2 * len(a)], t),
        lambda a, b, t: loops.sup_con_loops(torch.cat([a, b]), LABELS.repeat(2)[: 2 * len(a)], t),
    ),
    "dino": (
        lambda a, b, t: losses.dino(a, b, torch.linspace(-1, 1, a.shape[1]), t, t / 2),
        lambda a, b, t: loops.dino_loops(a, b, torch.linspace(-1, 1, a.shape[1]), t, t / 2),
    ),
}

WITHOUT_TEMPERATURE: dict[str, tuple[Loss, Loss]] = {
    "negative_cosine": (losses.negative_cosine, loops.negative_cosine_loops),
    "vicreg": (losses.vicreg, loops.vicreg_loops),
    "vicreg, other weights": (
        lambda a, b: losses.vicreg(a, b, 2, 3, 5),
        lambda a, b: loops.vicreg_loops(a, b, 2, 3, 5),
    ),
    "barlow_twins": (losses.barlow_twins, loops.barlow_loops),
    "barlow_twins, other weight": (
        lambda a, b: losses.barlow_twins(a, b, 0.3),
        lambda a, b: loops.barlow_loops(a, b, 0.3),
    ),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n,d", SIZES)
@pytest.mark.parametrize("name", WITH_TEMPERATURE)
def test_losses_with_a_temperature(name: str, n: int, d: int, temperature: float, dtype: torch.dtype) -> None:
    fast, slow = WITH_TEMPERATURE[name]
    scale = 0.5 if name == "dino" else 3.0  # logits, whose plain exponentials the loops must not overflow
    agree(
        lambda a, b: fast(a, b, temperature),
        lambda a, b: slow(a, b, temperature),
        draw(n, d, scale=scale),
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("scale", [0.2, 3.0])  # VICReg's hinge on, and off
@pytest.mark.parametrize("n,d", [(3, 2), (5, 3), (9, 16)])
@pytest.mark.parametrize("name", WITHOUT_TEMPERATURE)
def test_losses_without_a_temperature(name: str, n: int, d: int, scale: float, dtype: torch.dtype) -> None:
    fast, slow = WITHOUT_TEMPERATURE[name]
    agree(fast, slow, draw(n, d, scale=scale), dtype)


@pytest.mark.parametrize("name", [n for n in WITHOUT_TEMPERATURE if n != "negative_cosine"])
def test_a_single_dimension_has_no_off_diagonal(name: str) -> None:
    agree(*WITHOUT_TEMPERATURE[name], draw(6, 1))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("margin", [0.0, 0.2, 4.0])
@pytest.mark.parametrize("n,d", SIZES)
def test_triplet(n: int, d: int, margin: float, dtype: torch.dtype) -> None:
    agree(
        lambda *x: losses.triplet(*x, margin),
        lambda *x: loops.triplet_loops(*x, margin),
        draw(n, d, 3, seed=1),
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("n,d", [(1, 4), (5, 4), (9, 16)])
def test_cloa_anchor(n: int, d: int, reduction: str, dtype: torch.dtype) -> None:
    anchors, y = losses.orthonormal_anchors(4, d, seed=3), LABELS[:n]
    agree(
        lambda z: losses.cloa_anchor(z, y, anchors, reduction),
        lambda z: loops.cloa_loops(z, y, anchors) / (n if reduction == "mean" else 1),
        draw(n, d, 1),
        dtype,
    )


@pytest.mark.parametrize("temperature", [1e-3, 1e-2])
@pytest.mark.parametrize("name", [n for n in WITH_TEMPERATURE if n != "dino"])
def test_a_low_temperature_does_not_overflow(name: str, temperature: float) -> None:
    fast, _ = WITH_TEMPERATURE[name]
    a, b = (x.float() for x in draw(9, 5))
    value, gradient = value_and_gradient(lambda x, y: fast(x, y, temperature), a, b)
    exact, exact_gradient = value_and_gradient(lambda x, y: fast(x, y, temperature), a.double(), b.double())
    torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(
        gradient.double(), exact_gradient, rtol=0, atol=2e-3 * float(exact_gradient.abs().max())
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_supervised_info_nce_is_one_of_its_draws(
    temperature: float, symmetric: bool, dtype: torch.dtype
) -> None:
    y = torch.tensor([0, 0, 0, 7, 1, 1])  # the fourth sample is alone
    (z,) = draw(6, 4, 1)
    pool = [[i for i in range(6) if i != a and y[i] == y[a]] for a in range(6)]
    anchors = [a for a in range(6) if pool[a]]
    draws = [dict(zip(anchors, c, strict=True)) for c in itertools.product(*(pool[a] for a in anchors))]
    rounded = z.to(dtype).double()
    values = torch.stack([loops.drawn_loops(rounded, c, temperature, symmetric) for c in draws])
    seen = set()
    for seed in range(60):

        def fast(x: Tensor, seed: int = seed) -> Tensor:
            g = torch.Generator().manual_seed(seed)
            return losses.supervised_info_nce(x, y, temperature, g, symmetric)

        which = int(
            ((values - fast(z.to(dtype)).double()).abs() < 1e-4).int().argmax()
        )  # the first that fits
        seen.add(which)
        if seed < 4:
            agree(fast, lambda x, c=draws[which]: loops.drawn_loops(x, c, temperature, symmetric), [z], dtype)
    # Each comes up; the two cycles through the class of three have one value, symmetric ones more in common.
    assert len(draws) == 8 and len(seen) == (4 if symmetric else 7)


def test_supervised_info_nce_draws_uniformly_and_its_mean_is_sup_con() -> None:
    (z,) = draw(9, 4, 1)
    g = torch.Generator().manual_seed(0)
    many = torch.stack([losses.supervised_info_nce(z, LABELS, 0.5, g) for _ in range(4000)])
    error = float(many.std()) / math.sqrt(len(many))
    assert abs(float(many.mean() - losses.sup_con(z, LABELS, 0.5))) < 4 * error


def test_supervised_info_nce_of_pairs_is_info_nce() -> None:
    z1, z2 = draw(5, 3)
    pairs = torch.arange(5).repeat(2)
    expected = losses.info_nce(z1, z2, 0.3)
    for symmetric in (False, True):
        loss = losses.supervised_info_nce(torch.cat([z1, z2]), pairs, 0.3, symmetric=symmetric)
        torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(losses.sup_con(torch.cat([z1, z2]), pairs, 0.3), expected)


@pytest.mark.parametrize("loss", [losses.supervised_info_nce, losses.sup_con])
def test_no_two_samples_of_a_class_give_zero(loss: Loss) -> None:
    z = draw(4, 3, 1)[0].requires_grad_()
    value = loss(z, torch.arange(4))
    value.backward()
    assert float(value.detach()) == 0 and not z.grad.any()
