r"""Collapsed embeddings: all equal, or on one line; InfoNCE's Hessian there in closed form; every loss there.

With $m$ pairs on one side of a line and $k$ on the other, each pair on one side ($k = 0$: all equal), the
Hessian has four kinds of eigenvectors. `Spectrum` holds their eigenvalues.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssllib import losses
from ssllib.errors import InputError
from ssllib.losses.common import check_temperature
from ssllib.theory.critical_points import Loss, Point, classify

AXIS = (2 / 7, 3 / 7, 6 / 7)
"""The line of the table of losses: a unit vector along no axis and no diagonal."""


@dataclass(frozen=True)
class Line:
    """Collapsed pairs for the table: the side (+1 or -1) and the class of each pair."""

    name: str
    sides: tuple[int, ...]
    classes: tuple[int, ...]

    def embeddings(self, axis: Sequence[float] = AXIS) -> Tensor:
        """Both views, shape (2n, d), float64: row i + n is the positive of row i."""
        return embeddings(self.sides, axis)


EQUAL = Line("equal", (1, 1, 1, 1, 1, 1), (0, 0, 1, 1, 2, 2))
RANK_1 = Line("rank 1", (1, 1, 1, 1, -1, -1), (0, 0, 1, 1, 2, 2))
TWO_PAIRS = Line("two pairs, opposite", (1, -1), (0, 1))


def embeddings(sides: Sequence[int], axis: Sequence[float]) -> Tensor:
    """Unit vectors (2n, d), float64, on the line through `axis` (d,): both of pair i at `sides[i]` times it."""
    if not sides or any(s not in (-1, 1) for s in sides):
        raise InputError(f"sides are {tuple(sides)}; allowed: 1 and -1, one for each pair")
    e = torch.tensor(axis, dtype=torch.float64)
    if not float(e.norm()) > 0:
        raise InputError(f"the axis is {tuple(axis)}; allowed: a vector that is not zero")
    signs = torch.tensor(tuple(sides) * 2, dtype=torch.float64)
    return signs.unsqueeze(1) * e / e.norm()


@dataclass(frozen=True)
class Spectrum:
    r"""Eigenvalues of `info_nce`'s Hessian on the product of spheres, with multiplicities.

    For m pairs at +e and k at -e; embeddings of norm one (for norm $\rho$ divide by $\rho^2$). Each
    multiplicity is for one tangent direction: multiply by d - 1. Directions: `rotation`, all together;
    `sides`, one side against the other; `opened`, the two of a pair apart; `against`, pairs of one side
    against each other. A pair of numbers is for the two sides.
    """

    m: int
    k: int
    sides: float
    opened: tuple[float, float]
    against: tuple[float, float]

    def eigenvalues(self, dimension: int) -> Tensor:
        """All 2n (d - 1) of them, in ascending order, float64."""
        once = [0.0, *self.opened[:1] * self.m, *self.opened[1:] * self.k]
        once += [self.sides] * (self.m > 0 and self.k > 0)
        once += [*self.against[:1] * (self.m - 1), *self.against[1:] * (self.k - 1)]
        return torch.tensor(sorted(once * (dimension - 1)), dtype=torch.float64)


def spectrum(m: int, k: int = 0, temperature: float = 0.5) -> Spectrum:
    r"""`info_nce`'s Hessian at m pairs on one side of a line and k on the other.

    With the softmax's weights $\alpha_\pm$ on each sample of the anchor's own side and $\beta_\pm$ on each of
    the other, $n = m + k$: sides $(\beta_+ + \beta_-) / \tau$; opened
    $(2 - 2m\alpha_+ + k(\beta_+ + \beta_-)) / n\tau$; against $(k(\beta_+ + \beta_-) - 2m\alpha_+) / n\tau$;
    for the other side with m and k, + and - exchanged.

    Raises:
        InputError: unless m >= 1 and k >= 0.
    """
    check_temperature(temperature)
    if m < 1 or k < 0:
        raise InputError(f"pairs on the two sides are {m} and {k}; allowed: at least 1, and at least 0")
    n, q = m + k, math.exp(-2 / temperature)
    up, down = _weights(m, k, q), _weights(k, m, q) if k else (0.0, 0.0)
    beta = up[1] + down[1]
    against = tuple(
        (other * beta - 2 * own * a) / (n * temperature) for own, other, a in ((m, k, up[0]), (k, m, down[0]))
    )
    shift = 2 / (n * temperature)
    return Spectrum(
        m,
        k,
        beta / temperature,
        (against[0] + shift, against[1] + shift),
        (against[0], against[1]),
    )


def _weights(own: int, other: int, q: float) -> tuple[float, float]:
    """Softmax weights of one sample of the own side and of one of the other, for an anchor's 2n - 1 others."""
    total = 2 * own - 1 + 2 * other * q
    return 1 / total, q / total


def _supervised(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return losses.supervised_info_nce(z, labels, temperature, generator=draw)


def table(line: Line, axis: Sequence[float] = AXIS, temperature: float = 0.5) -> dict[str, Point]:
    """Every loss of the library at collapsed embeddings.

    All contrastive losses get the same temperature; whatever else they take is at its default. Triplets are
    (view 1, view 2, view 2 of the next pair). Supervised losses get both views with the labels twice, and
    `supervised_info_nce` one fixed draw of positives. `negative_cosine` and `dino` train view 1 only; the
    centre of `dino` is the teacher's mean.
    """
    check_temperature(temperature)
    z = line.embeddings(axis)
    n = len(line.sides)
    y = torch.tensor(line.classes * 2)
    anchors = losses.orthonormal_anchors(z.shape[1], z.shape[1]).double()
    first = torch.arange(2 * n) < n
    centre = z[n:].mean(dim=0)

    def views(loss: Callable[..., Tensor], *parameters: float) -> Loss:
        return lambda x: loss(x[:n], x[n:], *parameters)

    on_sphere: dict[str, Loss] = {
        "info_nce": views(losses.info_nce, temperature),
        "info_nce_attraction": views(losses.info_nce_attraction, temperature),
        "info_nce_repulsion": views(losses.info_nce_repulsion, temperature),
        "info_nce_released": views(losses.info_nce_released, temperature),
        "dcl": views(losses.dcl, temperature),
        "triplet": lambda x: losses.triplet(x[:n], x[n:], x[n:].roll(1, 0)),
        "supervised_info_nce": lambda x: _supervised(x, y, temperature),
        "sup_con": lambda x: losses.sup_con(x, y, temperature),
        "cloa_anchor": lambda x: losses.cloa_anchor(x, y, anchors),
    }
    found = {name: classify(loss, z) for name, loss in on_sphere.items()}
    found["negative_cosine"] = classify(views(losses.negative_cosine), z, trained=first)
    found["vicreg"] = classify(views(losses.vicreg), z, normalised=False)
    found["barlow_twins"] = classify(views(losses.barlow_twins), z, normalised=False)
    found["dino"] = classify(lambda x: losses.dino(x[:n], x[n:], centre), z, normalised=False, trained=first)
    return found
