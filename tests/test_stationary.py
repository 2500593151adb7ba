"""Points of known kind, symmetries, and what second order does not see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ssllib.theory import critical_points
from ssllib.theory.critical_points import Loss, classify

Z = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]], dtype=torch.float64)


def shifted(f: Loss) -> Loss:
    return lambda z: f(z - Z)


def minimum(z: Tensor) -> Tensor:
    return z.square().sum()


KNOWN: dict[str, Loss] = {
    "minimum": minimum,
    "maximum": lambda z: -minimum(z),
    "saddle": lambda z: z[0].square().sum() - z[1].square().sum(),
    "flat": lambda z: 0 * z.sum() ** 2 + 3,
    "minimum, not isolated": lambda z: z[1].square().sum() * (1 + z[0].square().sum()),
    "not a minimum": lambda z: -z[1].square().sum() * (1 + z[0].square().sum()),
    "undecided": lambda z: z[0].square().sum() + z[1].pow(4).sum(),
    "kink": lambda z: z.abs().sum(),
    "not stationary": lambda z: z.sum(),
    "not defined": lambda z: z.sum().log(),
}


@pytest.mark.parametrize("word", KNOWN)
def test_words(word: str) -> None:
    assert classify(shifted(KNOWN[word]), Z, normalised=False).word == word


def test_a_saddle_that_second_order_does_not_see() -> None:
    point = classify(shifted(lambda z: z[0].square().sum() - z[1].pow(4).sum()), Z, normalised=False)
    assert point.word == "saddle" and point.negative == 0


def test_normalised_leaves_out_the_radial_directions() -> None:
    basis = critical_points.tangents(Z)
    assert basis.shape == (6, 4)
    torch.testing.assert_close(basis.T @ basis, torch.eye(4, dtype=Z.dtype))
    moved = basis.reshape(2, 3, 4)
    assert float((moved * Z.unsqueeze(2)).sum(dim=1).abs().max()) < 1e-12


def test_only_trained_rows_move() -> None:
    basis = critical_points.tangents(Z, torch.tensor([True, False]), normalised=False)
    assert basis.shape == (6, 3) and not basis.reshape(2, 3, 3)[1].any()


def test_symmetries_are_found() -> None:
    def span(loss: Loss) -> int:
        found = critical_points.symmetries(loss, Z)
        return int(torch.linalg.matrix_rank(found, atol=1e-6)) if found.numel() else 0

    assert span(lambda z: (z[0] * z[1]).sum()) == 3  # rotations in three dimensions
    assert span(lambda z: (z[0] - z[1]).square().sum()) == 5  # and shifts: two points at a fixed distance
    assert span(lambda z: z[0, 0] + 2 * z[1, 2] ** 2) == 4  # the four numbers that it does not see
    assert span(lambda z: (z * torch.tensor([1.0, 2.0, 3.0])).pow(3).sum()) == 0


def test_a_circle_of_minima_is_a_minimum_up_to_its_symmetry() -> None:
    point = classify(lambda z: ((z[0] - z[1]).square().sum() - 0.8) ** 2, Z, normalised=False)
    assert (point.word, point.negative, point.zero, point.positive) == ("minimum", 0, 5, 1)
    assert point.symmetric == 5
