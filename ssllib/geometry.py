r"""Closed forms of the geometry of cosine similarity, in plain torch.

Vectors are the last dimension, and everything before it broadcasts. Notation: $\hat z = z / \|z\|$, $\phi$
the angle between two vectors, $a_{\perp b}$ the component of $a$ orthogonal to $b$. Where the cosine
similarity is undefined (a zero vector) there is an `InputError`, not a number.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssllib.errors import InputError, in_range, whole
from ssllib.losses.common import product


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


def turned(z: Tensor, target: Tensor, rate: float | Tensor) -> Tensor:
    r"""The angle $\arctan(\gamma \sin\phi / \|z\|^2)$ by which a step of `step` turns z; shape (...).

    Args:
        z, target: shape (..., d).
        rate: $\gamma \geq 0$, a number or shape (...), in units of z squared.

    Returns:
        Radians, in $[0, \pi/2)$: the step is orthogonal to z and $\gamma \sin\phi / \|z\|$ long.
    """
    size = norm(z)
    return torch.atan2(rate * gradient_norm(z, target), size)


def cosine_change(z_i: Tensor, z_j: Tensor, rate: float | Tensor) -> Tensor:
    r"""What one `step` of both vectors adds to their cosine, exactly and at any norms; shape (...).

    With the angles $\theta_i, \theta_j$ of `turned`, $\phi' = \phi - \theta_i - \theta_j$ and

    $$\Delta\cos\phi = \tan\frac{\theta_i + \theta_j}{2} \, (\sin\phi + \sin\phi'),$$

    computed so that the digits of small steps are kept. At equal norms $\rho$, with $k = \gamma / \rho^2$, it is
    $2 k \sin^2\phi \, (1 - k \cos\phi) / (1 + k^2 \sin^2\phi)$.

    Args:
        z_i, z_j: shape (..., d).
        rate: $\gamma \geq 0$, a number or shape (...), in units of z squared.

    Source: replaces the bound of 2406.16468 Theorem 3 and 2502.09252 Theorem 3.4.
    """
    half = (turned(z_i, z_j, rate) + turned(z_j, z_i, rate)) / 2
    return 2 * torch.sin(half) * torch.sin(angle(z_i, z_j) - half)


def cosine_change_bound(z_i: Tensor, z_j: Tensor, rate: float | Tensor) -> Tensor:
    r"""The sharp bound $k \sin\phi \, (1 + \sin\phi)$ on `cosine_change`; arguments and shape as there.

    With $k = (\gamma / \|z_i\|^2 + \gamma / \|z_j\|^2) / 2$. It holds at every angle and rate; at equal norms
    it is attained where the step ends at a right angle.

    Source: replaces 2 k sin^2(phi) of 2406.16468 Theorem 3 and 2502.09252 Theorem 3.4.
    """
    sine = gradient_norm(z_i, z_j) * norm(z_i)
    k = (rate / norm(z_i) / norm(z_i) + rate / norm(z_j) / norm(z_j)) / 2
    return k * sine * (1 + sine)


def small_step_time(start: float, cosine: float, relative_rate: float) -> float:
    r"""Steps from the angle `start` to a cosine, for two vectors of equal norm and small steps.

    $$T = \frac{1}{2k} \ln \frac{\tan(\phi_0 / 2)}{\tan(\phi_\ast / 2)}, \qquad \cos\phi_\ast = \text{cosine}$$

    solves $\dot\phi = -2 k \sin\phi$, where $k$ = `relative_rate` is the rate over the squared norm.

    Returns:
        A number of steps, not rounded; negative if the angle is passed already.

    Raises:
        InputError: for a start outside (0, pi), a cosine outside (-1, 1) or a rate that is not positive.
    """
    in_range("start", start, 0, math.pi, open_low=True)
    in_range("cosine", cosine, -1, 1, open_low=True)
    in_range("relative_rate", relative_rate, 0, 1e300, open_low=True)
    if start == math.pi or cosine == 1:
        raise InputError("the angle pi is never left and the cosine 1 is never reached; allowed: less")
    return (math.log(math.tan(start / 2)) - math.log((1 - cosine) / (1 + cosine)) / 2) / (2 * relative_rate)


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
    i, j = whole("i", i, 0, len(z) - 1), whole("j", j, 0, len(z) - 1)
    if i == j:
        raise InputError(f"anchor {i} and positive {j}; allowed: two different rows from 0 to {len(z) - 1}")
    in_range("temperature", temperature, 0, 1e6, open_low=True)
    u, size = _split(z, "z")
    logits = product(u, u[i]) / temperature
    logits[i] = float("-inf")
    pull = product(torch.softmax(logits, 0), u) - u[j]
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
