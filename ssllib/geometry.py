r"""Closed forms of the geometry of cosine similarity, in plain torch.

Vectors are the last dimension, and everything before it broadcasts. Notation: $\hat z = z / \|z\|$, $\phi$
the angle between two vectors, $a_{\perp b}$ the component of $a$ orthogonal to $b$. Where the cosine
similarity is undefined (a zero vector) there is an `InputError`, not a number.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssllib.errors import InputError, in_range


def norm(z: Tensor) -> Tensor:
    """Euclidean norms, shape (...) for `z` of shape (..., d), without overflow or underflow on the way."""
    return _split(z, "z")[1]


def unit(z: Tensor) -> Tensor:
    r"""The direction $\hat z = z / \|z\|$, same shape (..., d) as `z`.

    Raises:
        InputError: for a zero vector (it has no direction), an infinity, a NaN or an integer tensor.
    """
    return _split(z, "z")[0]


def cosine(a: Tensor, b: Tensor) -> Tensor:
    r"""Cosine similarity $\hat a^\top \hat b$, shape (...), for vectors of shape (..., d)."""
    u, v = _directions(a, b)
    return (u * v).sum(-1).clamp(-1, 1)


def angle(a: Tensor, b: Tensor) -> Tensor:
    r"""The angle $\phi \in [0, \pi]$ in radians between vectors (..., d); shape (...).

    By $\tan(\phi/2) = \|\hat a - \hat b\| / \|\hat a + \hat b\|$ (Kahan), which keeps its digits near 0 and
    $\pi$, where an arc cosine loses half of them.
    """
    u, v = _directions(a, b)
    return 2 * torch.atan2(torch.linalg.vector_norm(u - v, dim=-1), torch.linalg.vector_norm(u + v, dim=-1))


def tangent_component(a: Tensor, b: Tensor) -> Tensor:
    r"""$a_{\perp b} = (I - \hat b \hat b^\top)\, a$: the part of `a` (..., d) orthogonal to `b` (..., d).

    The projection is made twice, so that the result is orthogonal to `b` in relative precision also where
    `a` and `b` are nearly parallel. `a` may be zero, `b` may not.
    """
    _same_dimension(a, b)
    v = unit(b)
    once = a - v * (v * a).sum(-1, keepdim=True)
    return once - v * (v * once).sum(-1, keepdim=True)


def cosine_similarity_gradient(z: Tensor, target: Tensor) -> Tensor:
    r"""The gradient of $\hat z^\top \hat t$ with respect to $z$: $(\hat t)_{\perp z} / \|z\|$.

    Args:
        z, target: shape (..., d), neither of them zero; units of `target` do not matter.

    Returns:
        Shape (..., d), in units of 1/z: orthogonal to `z`, of norm `gradient_norm(z, target)`, and zero where
        the vectors are parallel or antipodal, so everywhere when d = 1.

    Source: 2502.09252 Prop. 3.1 without its minus sign, 2406.16468 Prop. 1 as printed.
    """
    _same_dimension(z, target)
    u, size = _split(z, "z")
    return tangent_component(unit(target), u) / size.unsqueeze(-1)


def negative_cosine_gradient(z: Tensor, target: Tensor) -> Tensor:
    r"""The gradient of the attraction loss $-\hat z^\top \hat t$ with respect to $z$; shapes as above.

    Source: 2502.09252 Prop. 3.1. (2406.16468 Prop. 1 prints it without the minus sign.)
    """
    return -cosine_similarity_gradient(z, target)


def gradient_norm(z: Tensor, target: Tensor) -> Tensor:
    r"""The norm $\sin\phi / \|z\|$ of either gradient above; shape (...) for vectors (..., d).

    With $\sin\phi = \|\hat z - \hat t\| \, \|\hat z + \hat t\| / 2$, which, unlike $\sqrt{1 - \cos^2\phi}$,
    does not cancel near $\phi = 0$ and $\pi$.

    Source: 2406.16468 Prop. 1, 2502.09252 Prop. 3.1.
    """
    u, v = _directions(z, target)
    sine = torch.linalg.vector_norm(u - v, dim=-1) * torch.linalg.vector_norm(u + v, dim=-1) / 2
    return sine / norm(z)


def gradscale_field(z: Tensor, target: Tensor, power: float) -> Tensor:
    r"""GradScale's field for the cosine, $\|z\|^p \, \nabla (\hat z^\top \hat t)$, uphill; shapes (..., d).

    Of length $\|z\|^{p-1} \sin\phi$: constant along a ray for p = 1. No gradient of any function of z, unless
    p = 0 or d = 1.

    Source: 2502.09252 section 6, Figure 6, Prop. D.1 (where the power is called alpha).
    """
    return norm(z).unsqueeze(-1) ** power * cosine_similarity_gradient(z, target)


def gradscale_curl(z: Tensor, target: Tensor, power: float) -> Tensor:
    r"""The curl $p \, \|z\|^{p-2} \sin\phi$ of `gradscale_field`, shape (...) for vectors (..., d).

    In the plane of z and the target, where a turn from z towards the target counts as positive; there is no curl in
    other planes. Zero on the axis of the target, so everywhere on the line, and elsewhere for p = 0 only.
    """
    return power * norm(z) ** (power - 1) * gradient_norm(z, target)


def step(z_i: Tensor, z_j: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]:
    r"""One step of gradient descent on $-\hat z_i^\top \hat z_j$, for both vectors at once.

    $$z_i' = z_i + \frac{\gamma}{\|z_i\|} (\hat z_j)_{\perp z_i}, \qquad
      z_j' = z_j + \frac{\gamma}{\|z_j\|} (\hat z_i)_{\perp z_j}$$

    Args:
        z_i, z_j: shape (..., d).
        rate: the learning rate $\gamma$, in units of z squared (a step is rate / norm long).

    Source: 2502.09252 A.4 (the statement of Theorem 3.4 prints $z_j$ where its proof has $\hat z_j$).
    """
    return (
        z_i - rate * negative_cosine_gradient(z_i, z_j),
        z_j - rate * negative_cosine_gradient(z_j, z_i),
    )


def infonce_gradient(z: Tensor, i: int, j: int, temperature: float = 1.0) -> Tensor:
    r"""The gradient with respect to $z_i$ of the anchor's own InfoNCE term, with positive j.

    $$L_{ij} = -\hat z_i^\top \hat z_j / \tau + \log \sum_{k \neq i} \exp(\hat z_i^\top \hat z_k / \tau)$$

    With $p_k$ the softmax weights of that sum, its gradient is

    $$\nabla_i = \frac{1}{\tau \|z_i\|} \Bigl( -\hat z_j + \sum_{k \neq i} p_k \hat z_k \Bigr)_{\perp z_i}$$

    The terms of other anchors, in which $z_i$ is a positive or a negative, are not part of it.

    Args:
        z: the batch, shape (n, d), n >= 2; the sum runs over all rows but i, the positive included.
        i, j: rows of the anchor and of its positive, different.
        temperature: $\tau > 0$; the papers have 1.

    Returns:
        Shape (d,).

    Source: 2502.09252 Prop. 3.2. (2406.16468 Corollary 4 prints plus before the positive's term.)
    """
    if z.ndim != 2 or len(z) < 2:
        raise InputError(f"z has shape {tuple(z.shape)}; allowed: (n, d) with n >= 2")
    if not (0 <= i < len(z) and 0 <= j < len(z) and i != j):
        raise InputError(f"anchor {i} and positive {j}; allowed: two different rows from 0 to {len(z) - 1}")
    in_range("temperature", temperature, 0, 1e6, open_low=True)
    u, size = _split(z, "z")
    logits = (u @ u[i]) / temperature
    logits[i] = float("-inf")
    pull = torch.softmax(logits, 0) @ u - u[j]
    return tangent_component(pull, u[i]) / (temperature * size[i])


def _split(z: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Directions (..., d) and norms (...); scaling by the largest entry first keeps the squares in range."""
    if not z.is_floating_point() or z.ndim == 0 or z.shape[-1] == 0:
        raise InputError(
            f"{name} is a {z.dtype} tensor of shape {tuple(z.shape)}; "
            "allowed: floating point, (..., d) with d >= 1"
        )
    largest = z.abs().amax(-1, keepdim=True)
    if not bool(((largest > 0) & torch.isfinite(largest)).all()):
        raise InputError(
            f"{name} holds a zero vector, an infinity or a NaN; allowed: finite vectors other than zero "
            "(cosine similarity has no value and no gradient at zero)"
        )
    scaled = z / largest
    size = torch.linalg.vector_norm(scaled, dim=-1, keepdim=True)
    return scaled / size, (largest * size).squeeze(-1)


def _directions(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    _same_dimension(a, b)
    return _split(a, "the first vector")[0], _split(b, "the second vector")[0]


def _same_dimension(a: Tensor, b: Tensor) -> None:
    if a.ndim and b.ndim and a.shape[-1] != b.shape[-1]:
        raise InputError(
            f"vectors of dimension {a.shape[-1]} and {b.shape[-1]}; "
            "allowed: one dimension for both (the last axis)"
        )
