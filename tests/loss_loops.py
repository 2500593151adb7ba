"""Slow references of the losses: plain loops written from the papers, and what their tests share."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[..., Tensor]

LABELS = torch.tensor([0, 0, 1, 2, 1, 1, 3, 0, 1])  # classes of three and four, and two samples alone


def draw(n: int, d: int, count: int = 2, scale: float = 3.0, seed: int = 0) -> list[Tensor]:
    g = torch.Generator().manual_seed(1000 * n + d + seed)
    return [torch.randn(n, d, generator=g, dtype=torch.float64) * scale for _ in range(count)]


def value_and_gradient(loss: Loss, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a = a.clone().requires_grad_()
    value = loss(a, b)
    value.backward()
    return value.detach(), a.grad


def cos(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b) / ((a @ a).sqrt() * (b @ b).sqrt())


def add(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).sum()


def info_nce_loops(
    z1: Tensor, z2: Tensor, t: float, attraction: bool = True, repulsion: bool = True
) -> Tensor:
    """Eq. 1 of 2502.09252 with a temperature, anchor by anchor, and either half of it."""
    z, n = torch.cat([z1, z2]), len(z1)
    total = torch.zeros((), dtype=z.dtype)
    for i in range(2 * n):
        if attraction:
            total = total - cos(z[i], z[(i + n) % (2 * n)]) / t
        if repulsion:
            total = total + add([torch.exp(cos(z[i], z[k]) / t) for k in range(2 * n) if k != i]).log()
    return total / (2 * n)


def released_loops(z1: Tensor, z2: Tensor, t: float) -> Tensor:
    """`nt_xent` of the released code, with its -1e5 in the place of the positive."""
    n, total = len(z1), torch.zeros((), dtype=z1.dtype)
    for i in range(n):
        row = [torch.exp(cos(z1[i], z2[k]) / t) if k != i else z1.new_tensor(-1e5).exp() for k in range(n)]
        total = total - cos(z1[i], z2[i]) / t + add(row).log()
    return total / n


def dcl_loops(z1: Tensor, z2: Tensor, t: float) -> Tensor:
    """Yeh et al. 2022: for view k of sample i, over samples j other than i and both views l."""
    views, n, total = (z1, z2), len(z1), torch.zeros((), dtype=z1.dtype)
    for k, i in itertools.product(range(2), range(n)):
        below = [torch.exp(cos(views[k][i], views[v][j]) / t) for j in range(n) if j != i for v in range(2)]
        total = total - cos(z1[i], z2[i]) / t + add(below).log()
    return total / (2 * n)


def triplet_loops(a: Tensor, p: Tensor, n: Tensor, margin: float) -> Tensor:
    total = torch.zeros((), dtype=a.dtype)
    for i in range(len(a)):
        unit = [v[i] / (v[i] @ v[i]).sqrt() for v in (a, p, n)]
        difference = add(
            [(unit[0][k] - unit[1][k]) ** 2 - (unit[0][k] - unit[2][k]) ** 2 for k in range(a.shape[1])]
        )
        total = total + torch.clamp(difference + margin, min=0)
    return total / len(a)


def negative_cosine_loops(p: Tensor, z: Tensor) -> Tensor:
    return -add([cos(p[i], z[i].detach()) for i in range(len(p))]) / len(p)


def vicreg_loops(
    z1: Tensor, z2: Tensor, invariance: float = 25, variance: float = 25, covariance: float = 1
) -> Tensor:
    """Bardes et al. 2022, with the official code's mean over n d entries and halved variance terms."""
    n, d = z1.shape
    total = invariance * add([(z1[i, k] - z2[i, k]) ** 2 for i in range(n) for k in range(d)]) / (n * d)
    for z in (z1, z2):
        mean = [add([z[i, k] for i in range(n)]) / n for k in range(d)]
        for k, m in itertools.product(range(d), range(d)):
            c = add([(z[i, k] - mean[k]) * (z[i, m] - mean[m]) for i in range(n)]) / (n - 1)
            if k == m:
                total = total + variance / 2 * torch.clamp(1 - (c + 1e-4).sqrt(), min=0) / d
            else:
                total = total + covariance * c**2 / d
    return total


def barlow_loops(z1: Tensor, z2: Tensor, lambd: float = 5e-3) -> Tensor:
    """Zbontar et al. 2021, Eq. 1 and 2, with the 1e-5 of the official code's batch norm."""
    n, d = z1.shape
    total = torch.zeros((), dtype=z1.dtype)
    for k, m in itertools.product(range(d), range(d)):
        a, b = z1[:, k], z2[:, m]
        a, b = a - a.sum() / n, b - b.sum() / n
        c = (a @ b) / n / ((a @ a / n + 1e-5) * (b @ b / n + 1e-5)).sqrt()
        total = total + ((1 - c) ** 2 if k == m else lambd * c**2)
    return total


def dino_loops(s: Tensor, t: Tensor, center: Tensor, ts: float, tt: float) -> Tensor:
    n, k = s.shape
    total = torch.zeros((), dtype=s.dtype)
    for i in range(n):
        target = [((t[i, j] - center[j]) / tt).detach().exp() for j in range(k)]
        below = add([(s[i, j] / ts).exp() for j in range(k)])
        for j in range(k):
            total = total - target[j] / add(target) * ((s[i, j] / ts).exp() / below).log()
    return total / n


def sup_con_loops(z: Tensor, y: Tensor, t: float) -> Tensor:
    """Khosla et al. 2020, Eq. 2, over the anchors with a positive."""
    terms, n = [], len(z)
    for i in range(n):
        positives = [p for p in range(n) if p != i and y[p] == y[i]]
        below = add([torch.exp(cos(z[i], z[a]) / t) for a in range(n) if a != i])
        if positives:
            logs = [(torch.exp(cos(z[i], z[p]) / t) / below).log() for p in positives]
            terms.append(-add(logs) / len(positives))
    return add(terms) / len(terms)


def drawn_loops(z: Tensor, draw: dict[int, int], t: float, symmetric: bool) -> Tensor:
    """2502.09252 Eq. 1 with the positives `draw[i]`; `symmetric` as the released notebook has it."""
    terms = []
    for i in draw:
        positives = {draw[i]} | ({k for k in draw if draw[k] == i} if symmetric else set())
        above = add([torch.exp(cos(z[i], z[p]) / t) for p in positives])
        below = add([torch.exp(cos(z[i], z[k]) / t) for k in range(len(z)) if k != i])
        terms.append(-(above / below).log())
    return add(terms) / len(terms)


def cloa_loops(z: Tensor, y: Tensor, anchors: Tensor) -> Tensor:
    """2403.18699 Eq. 2, a sum."""
    return add([1 - cos(z[i], anchors[int(y[i])].to(z.dtype)) for i in range(len(z))])
