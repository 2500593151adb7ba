r"""One step of gradient descent on -cos of two embeddings z and t: formulas for any `Space`.

Source: 2406.16468 Theorem 3 and A.3; 2502.09252 Theorem 3.4 and A.4. Where a bound has rho, it is |z| = |t|.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ssllib import geometry
from ssllib.theory.proofs.formulas import cosine, gradient, loss, sine
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.reading import Angle, Reading
from ssllib.theory.proofs.readings import Formula, Numbers, Space, hard_pairs

Update = Callable[[Space], tuple[Any, Any]]
"""Both embeddings after a step."""


def k(s: Space) -> Any:
    """gamma / |z|^2, the rate at which directions move."""
    return s.gamma / s.dot(s.z, s.z)


def sine_squared(s: Space) -> Any:
    return 1 - cosine(s) ** 2


def with_hats(s: Space) -> tuple[Any, Any]:
    """Both embeddings after a step, as the proofs of both papers print it and as descent has it."""
    step_z, step_t = s.perp(s.unit(s.t), s.z), s.perp(s.unit(s.z), s.t)
    return s.z + s.gamma / s.norm(s.z) * step_z, s.t + s.gamma / s.norm(s.t) * step_t


def without_hats(s: Space) -> tuple[Any, Any]:
    """Both embeddings after a step, as the theorems of both papers print it (rho is the norm of both)."""
    rho = s.norm(s.z)
    return s.z + s.gamma / rho * s.perp(s.t, s.z), s.t + s.gamma / rho * s.perp(s.z, s.t)


def after(update: Update) -> Formula:
    """The cosine after a step of both embeddings."""

    def f(s: Space) -> Any:
        z, t = update(s)
        return s.dot(z, t) / s.sqrt(s.dot(z, z)) / s.sqrt(s.dot(t, t))

    return f


def change(update: Update) -> Formula:
    """What a step of both embeddings adds to their cosine."""
    return lambda s: after(update)(s) - cosine(s)


def after_step(update: Update, words: dict[str, Any] | None = None, squared: bool = False, **options: Any) -> Reading:
    r"""How a statement about one step is read: z_i' and z_j' after it, \rho the norm of z_i before, \rho' after it."""
    known = {
        r"\Delta \cos\phi": change(update),
        r"\rho": lambda s: s.norm(s.z),
        r"\rho'": lambda s: s.norm(update(s)[0]),
        r"\phi'": Angle(after(update)),
        "z_i'": lambda s: update(s)[0],
        "z_j'": lambda s: update(s)[1],
        "k": k,
        "K": lambda s: s.gamma / s.norm(s.z),
    }
    return pair(known | (words or {}), squared=squared, **options)


def printed_bound(s: Space) -> Any:
    return 2 * k(s) * sine_squared(s)


def restated_bound(s: Space) -> Any:
    return k(s) * sine_squared(s) * (2 - k(s) * cosine(s))


def correct_bound(s: Space) -> Any:
    """2 k (1 + k) sin^2: of the printed form, with one more factor."""
    return printed_bound(s) * (1 + k(s))


def sharp_bound(s: Space) -> Any:
    """k sin (1 + sin): attained."""
    return k(s) * sine(s) * (1 + sine(s))


def denominator(s: Space) -> Any:
    """(rho' / rho)^2 = 1 + k^2 sin^2"""
    return 1 + k(s) ** 2 * sine_squared(s)


def exact_change(s: Space) -> Any:
    return 2 * k(s) * sine_squared(s) * (1 - k(s) * cosine(s)) / denominator(s)


def change_error(dimension: int, draws: int = 210, seed: int = 0) -> float:
    """Largest error of `geometry.cosine_change` against an autograd step over `spaces.hard_pairs`.

    Rates make k = gamma / (|z| |t|) log-uniform from 1e-8 to 1e8; errors are in units of 1 + the larger
    gamma / norm^2, by which a rounding error of the angle grows. Where norms differ by more than a factor of
    1e4, t is given the norm of z.
    """
    z, t = hard_pairs(dimension, draws, seed)
    size_z, size_t = geometry.norm(z), geometry.norm(t)
    far = (size_z / size_t).log10().abs() > 4
    t = torch.where(far[:, None], geometry.unit(t) * size_z[:, None], t)
    size_t = geometry.norm(t)
    generator = torch.Generator().manual_seed(seed + 1)
    power = 16 * torch.rand(draws, generator=generator, dtype=torch.float64) - 8
    rate = size_z * size_t * 10**power
    new_z = z - rate[:, None] * gradient(Numbers(z, t))
    new_t = t - rate[:, None] * Numbers(t, z).gradient(loss)
    exact = Numbers(new_z, new_t)
    error = cosine(exact)[:, 0] - cosine(Numbers(z, t))[:, 0] - geometry.cosine_change(z, t, rate)
    return float((error.abs() / (1 + rate / torch.minimum(size_z, size_t) ** 2)).max())
