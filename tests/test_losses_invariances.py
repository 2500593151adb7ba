"""What a loss does not depend on: norms, where it is one of cosines; precision, autocast, compilation."""

import pytest
import torch
from loss_loops import LABELS, Loss, draw, value_and_gradient
from torch import Tensor

from ssllib import losses
from ssllib.gradscale import scale_grad

ANCHORS = losses.orthonormal_anchors(4, 5)
OF_COSINES: dict[str, Loss] = {
    "info_nce": losses.info_nce,
    "attraction": losses.info_nce_attraction,
    "repulsion": losses.info_nce_repulsion,
    "released": losses.info_nce_released,
    "dcl": losses.dcl,
    "triplet": lambda a, b: losses.triplet(a, b, b.roll(1, 0), 1.0),
    "negative_cosine": losses.negative_cosine,
    "sup_con": lambda a, b: losses.sup_con(torch.cat([a, b]), LABELS.repeat(2)),
    "supervised": lambda a, b: losses.supervised_info_nce(
        torch.cat([a, b]), LABELS.repeat(2), generator=torch.Generator().manual_seed(0)
    ),
    "cloa_anchor": lambda a, b: losses.cloa_anchor(a, LABELS, ANCHORS),
}
NOT_OF_COSINES: dict[str, Loss] = {
    "vicreg": losses.vicreg,
    "barlow_twins": losses.barlow_twins,
    "dino": lambda a, b: losses.dino(a, b, torch.zeros(5)),
}


@pytest.mark.parametrize("name", OF_COSINES)
def test_losses_of_cosines_ignore_each_samples_norm(name: str) -> None:
    a, b = draw(9, 5)
    size = torch.logspace(-3, 3, 9, dtype=torch.float64).unsqueeze(1)
    value, gradient = value_and_gradient(OF_COSINES[name], a, b)
    other_value, other_gradient = value_and_gradient(OF_COSINES[name], a * size, b * size.flip(0))
    torch.testing.assert_close(other_value, value)
    torch.testing.assert_close(other_gradient * size, gradient)
    assert ((gradient * a).sum(dim=1).abs() < 1e-12).all()  # orthogonal, so that a step cannot shrink


@pytest.mark.parametrize("name", NOT_OF_COSINES)
def test_the_other_losses_do_not(name: str) -> None:
    a, b = draw(9, 5, scale=0.3)
    size = torch.linspace(0.5, 2, 9, dtype=torch.float64).unsqueeze(1)
    value, gradient = value_and_gradient(NOT_OF_COSINES[name], a, b)
    other_value, _ = value_and_gradient(NOT_OF_COSINES[name], a * size, b * size.flip(0))
    assert abs(float(other_value - value)) > 1e-2 * float(value)
    assert ((gradient * a).sum(dim=1).abs() > 1e-4).any()


def test_barlow_twins_ignores_a_dimensions_scale_and_offset_and_vicreg_does_not() -> None:
    a, b = draw(9, 5)
    size = torch.tensor([0.3, 1.0, 2.0, 7.0, 30.0], dtype=torch.float64)
    torch.testing.assert_close(
        losses.barlow_twins(a * size + 1, b + size, eps=1e-12), losses.barlow_twins(a, b, eps=1e-12)
    )
    assert losses.vicreg(2 * a, 2 * b) > 1.5 * losses.vicreg(a, b)
    small = losses.barlow_twins(1e-3 * a, 1e-3 * b), losses.barlow_twins(a, b)
    assert abs(float(small[0] - small[1])) > 0.1  # the official eps is of the size of these variances


@pytest.mark.parametrize("name", OF_COSINES)
def test_gradscale_applies_to_every_loss_of_cosines(name: str) -> None:
    a, b = draw(9, 5)

    def scaled(x: Tensor, y: Tensor) -> Tensor:
        return OF_COSINES[name](scale_grad(x, 1.0), scale_grad(y, 1.0))

    small, large = value_and_gradient(scaled, a, b)[1], value_and_gradient(scaled, 50 * a, b)[1]
    torch.testing.assert_close(small, large)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1e-2, 1e4])
@pytest.mark.parametrize("name", OF_COSINES)
def test_finite_in_half_precision_with_small_and_large_embeddings(
    name: str, scale: float, dtype: torch.dtype
) -> None:
    a, b = (x.clamp(-6, 6).to(dtype) * scale for x in draw(9, 5, scale=1.0))
    value, gradient = value_and_gradient(OF_COSINES[name], a, b)
    assert torch.isfinite(value) and torch.isfinite(gradient).all() and value.dtype == torch.float32


@pytest.mark.parametrize("name", [*OF_COSINES, *NOT_OF_COSINES])
def test_autocast_does_not_coarsen_a_loss(name: str) -> None:
    loss = (OF_COSINES | NOT_OF_COSINES)[name]
    a, b = (x.float() for x in draw(9, 5))
    value, gradient = value_and_gradient(loss, a, b)
    x = a.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        cast = loss(x, b)
    cast.backward()
    torch.testing.assert_close(cast.detach(), value)
    torch.testing.assert_close(x.grad, gradient)


@pytest.mark.parametrize("name", [n for n in [*OF_COSINES, *NOT_OF_COSINES] if n != "supervised"])
def test_compiles_in_one_graph(name: str) -> None:
    loss = (OF_COSINES | NOT_OF_COSINES)[name]
    a, b = (x.float() for x in draw(9, 5))
    compiled = torch.compile(loss, backend="eager", fullgraph=name != "cloa_anchor")  # it looks at the labels
    torch.testing.assert_close(compiled(a, b), loss(a, b))
