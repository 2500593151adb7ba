"""Losses in value and gradient against two plain loops written from the paper."""

import math

import pytest
import torch

from ssllib.errors import InputError
from ssllib.losses import info_nce


def info_nce_loops(z1: torch.Tensor, z2: torch.Tensor, temperature: float) -> torch.Tensor:
    """Eq. 1 of 2502.09252 with a temperature, anchor by anchor."""
    z = torch.cat([z1, z2])
    n, total = len(z1), torch.zeros((), dtype=z.dtype)

    def similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.exp((a @ b) / (a.norm() * b.norm()) / temperature)

    for i in range(2 * n):
        below = sum(similarity(z[i], z[k]) for k in range(2 * n) if k != i)
        total = total - torch.log(similarity(z[i], z[(i + n) % (2 * n)]) / below)
    return total / (2 * n)


@pytest.mark.parametrize("n,d", [(2, 2), (5, 3), (9, 16)])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_info_nce_value_and_gradient(n: int, d: int, temperature: float) -> None:
    g = torch.Generator().manual_seed(n * d)
    pairs = [torch.randn(n, d, generator=g) * 3 for _ in range(2)]
    fast = [p.clone().requires_grad_() for p in pairs]
    slow = [p.double().clone().requires_grad_() for p in pairs]
    loss, reference = info_nce(*fast, temperature), info_nce_loops(*slow, temperature)
    torch.testing.assert_close(loss.double(), reference, rtol=1e-5, atol=1e-6)
    loss.backward()
    reference.backward()
    for a, b in zip(fast, slow, strict=True):
        torch.testing.assert_close(a.grad.double(), b.grad, rtol=1e-4, atol=1e-6)


def test_info_nce_at_collapse_is_log_2n_minus_1() -> None:
    z = torch.ones(7, 4)
    assert float(info_nce(z, z, 0.5)) == pytest.approx(math.log(13), rel=1e-6)


def test_info_nce_is_stable_at_low_temperature_and_in_half_precision() -> None:
    z = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(info_nce(z.bfloat16(), (z + 0.1).bfloat16(), 1e-3))


def test_info_nce_names_what_is_wrong() -> None:
    with pytest.raises(InputError, match=r"shapes \(3, 2\) and \(4, 2\)"):
        info_nce(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(InputError, match="temperature is 0"):
        info_nce(torch.ones(3, 2), torch.ones(3, 2), 0)
