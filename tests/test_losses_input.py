"""Bad input to the losses: one line that says what was wrong and what is allowed."""

from collections.abc import Callable

import pytest
import torch
from loss_loops import Loss

from ssllib import losses
from ssllib.errors import InputError

Z, Y = torch.ones(4, 3), torch.zeros(4, dtype=torch.int64)


@pytest.mark.parametrize(
    "loss",
    [
        losses.info_nce, losses.info_nce_attraction, losses.info_nce_repulsion, losses.info_nce_released,
        losses.dcl, losses.negative_cosine, losses.vicreg, losses.barlow_twins,
        lambda a, b: losses.dino(a, b, torch.zeros(3)),
        lambda a, b: losses.triplet(a, b, a), lambda a, b: losses.triplet(a, a, b),
    ],
)  # fmt: skip
def test_shapes_that_do_not_match(loss: Loss) -> None:
    with pytest.raises(InputError, match=r"shapes \(3, 2\) and \(4, 2\)"):
        loss(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(InputError, match=r"allowed: two tensors \(n, d\)"):
        loss(torch.zeros(3), torch.zeros(3))
    with pytest.raises(InputError, match=r"n >= [12]"):
        loss(torch.zeros(0, 3), torch.zeros(0, 3))


@pytest.mark.parametrize("loss", [losses.info_nce_released, losses.dcl, losses.vicreg, losses.barlow_twins])
def test_one_sample_is_too_few(loss: Loss) -> None:
    with pytest.raises(InputError, match="n >= 2"):
        loss(torch.ones(1, 3), torch.ones(1, 3))


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), "low", True])
def test_temperatures(bad: object) -> None:
    for loss in (
        losses.info_nce,
        losses.info_nce_attraction,
        losses.info_nce_repulsion,
        losses.info_nce_released,
    ):
        with pytest.raises(InputError, match="temperature is"):
            loss(Z, Z, bad)
    for loss in (losses.dcl, losses.sup_con, losses.supervised_info_nce):
        with pytest.raises(InputError, match="temperature is"):
            loss(Z, Z if loss is losses.dcl else Y, bad)
    with pytest.raises(InputError, match="student_temperature is"):
        losses.dino(Z, Z, torch.zeros(3), bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="teacher_temperature is"):
        losses.dino(Z, Z, torch.zeros(3), 0.1, bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "loss", [losses.sup_con, losses.supervised_info_nce, lambda z, y: losses.cloa_anchor(z, y, Z)]
)
def test_labels(loss: Loss) -> None:
    with pytest.raises(InputError, match=r"shapes \(4, 3\) and \(3,\)"):
        loss(Z, Y[:3])
    with pytest.raises(InputError, match="labels are torch.float32; allowed: whole numbers"):
        loss(Z, Y.float())


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: losses.triplet(Z, Z, Z, -0.1), "margin is -0.1"),
        (lambda: losses.vicreg(Z, Z, variance=-1), "variance is -1"),
        (lambda: losses.vicreg(Z, Z, eps=0), "eps is 0"),
        (lambda: losses.barlow_twins(Z, Z, lambd=-1), "lambd is -1"),
        (lambda: losses.barlow_twins(Z, Z, eps=0), "eps is 0"),
        (lambda: losses.dino(Z, Z, torch.zeros(4)), r"centre has shape \(4,\); allowed: \(3,\) or \(1, 3\)"),
        (lambda: losses.sup_con(Z[:1], Y[:1]), "n >= 2"),
        (
            lambda: losses.cloa_anchor(Z, Y, torch.ones(2, 5)),
            r"anchors have shape \(2, 5\); allowed: \(k, 3\)",
        ),
        (lambda: losses.cloa_anchor(Z, Y + 2, torch.ones(2, 3)), "labels from 2 to 2 with 2 anchors"),
        (lambda: losses.cloa_anchor(Z, Y - 1, torch.ones(2, 3)), "allowed: from 0 to 1"),
        (lambda: losses.cloa_anchor(Z, Y, torch.ones(2, 3), "none"), "unknown reduction 'none'"),
        (lambda: losses.orthonormal_anchors(5, 4), r"k of orthonormal anchors is 5; allowed: .* from 1 to 4"),
        (lambda: losses.orthonormal_anchors(0, 4), "k of orthonormal anchors is 0"),
        (lambda: losses.orthonormal_anchors(2.0, 4), "k of orthonormal anchors is 2.0; allowed: a whole number"),  # type: ignore[arg-type]
        (lambda: losses.orthonormal_anchors(2, "4"), "d of orthonormal anchors is .4."),  # type: ignore[arg-type]
        (lambda: losses.orthonormal_anchors(2, 4, seed=-1), "seed of orthonormal anchors is -1"),
    ],
)
def test_what_else_can_be_wrong(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


# --- rows of any length, labels and numbers of any kind -----------------------------------------------------

PAIRS = {
    "info_nce": losses.info_nce, "attraction": losses.info_nce_attraction, "repulsion": losses.info_nce_repulsion,
    "released": losses.info_nce_released, "dcl": losses.dcl, "negative_cosine": losses.negative_cosine,
    "triplet": lambda a, b: losses.triplet(a, b, b.flip(0), 4.0),
    "sup_con": lambda a, b: losses.sup_con(torch.cat([a, b]), torch.arange(8) % 4),
    "cloa": lambda a, b: losses.cloa_anchor(a, torch.arange(4) % 2, losses.orthonormal_anchors(2, 8)),
}  # fmt: skip


def _value_and_gradient(loss: Loss, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = a.clone().requires_grad_()
    value = loss(a, b)
    (grad,) = torch.autograd.grad(value, a)
    return value.detach(), grad


@pytest.mark.parametrize("name", PAIRS)
def test_a_zero_row_takes_no_gradient(name: str) -> None:
    a, b = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0)).unbind()
    a[0] = 0
    value, grad = _value_and_gradient(PAIRS[name], a, b)
    assert bool(value.isfinite()) and not grad[0].any() and bool(grad[1:].isfinite().all()) and bool(grad[1:].any())
    a[0] = float("nan")
    assert not bool(_value_and_gradient(PAIRS[name], a, b)[0].isfinite())  # it is not hidden


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("scale", [1e-35, 1e-25, 1e-13, 1e13, 1e20, 1e35])
def test_rows_whose_squares_leave_float32(name: str, scale: float) -> None:
    a, b = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0)).unbind()
    value, grad = _value_and_gradient(PAIRS[name], a, b)
    far, far_grad = _value_and_gradient(PAIRS[name], a * scale, b * scale)
    torch.testing.assert_close(far, value, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(far_grad.double() * scale, grad.double(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_any_width(dtype: torch.dtype) -> None:
    z, y = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    anchors = losses.orthonormal_anchors(3, 4)
    assert torch.equal(losses.cloa_anchor(z, y.to(dtype), anchors), losses.cloa_anchor(z, y, anchors))
    assert torch.equal(losses.sup_con(z, y.to(dtype)), losses.sup_con(z, y))


def test_numpys_numbers() -> None:
    import numpy as np

    z = torch.randn(4, 3)
    assert losses.info_nce(z, z, np.float32(0.5)) == losses.info_nce(z, z, 0.5)
    assert torch.equal(losses.orthonormal_anchors(np.int64(2), np.int32(4)), losses.orthonormal_anchors(2, 4))
    for bad in (np.bool_(True), np.float32("nan"), torch.tensor(0.5), "0.5", None, 1e-300):
        with pytest.raises(InputError, match="temperature is"):
            losses.info_nce(z, z, bad)


def test_kinds_of_embeddings() -> None:
    for wrong in (torch.ones(4, 3, dtype=torch.complex64), torch.ones(4, 3, dtype=torch.bool)):
        with pytest.raises(InputError, match="allowed: real numbers"):
            losses.info_nce(wrong, wrong)
    with pytest.raises(InputError, match=r"shapes \(4, 0\)"):
        losses.info_nce(torch.ones(4, 0), torch.ones(4, 0))
