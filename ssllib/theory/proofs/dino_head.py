"""Is DINO's loss one of cosine similarities? Its published head, scaled where it is about to normalise.

Source: 2406.16468 section 4; Caron et al. 2021, Figure 9 and `DINOHead` of facebookresearch/dino.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssllib import losses
from ssllib.theory.proofs.algebra import vanishes
from ssllib.theory.proofs.batches import BatchRelation, GramBatch, PlaneBatch
from ssllib.theory.proofs.cosine_losses import ROUNDING, Loss, largest_radial
from ssllib.theory.proofs.formulas import zero
from ssllib.theory.proofs.infonce_formulas import similarity
from ssllib.theory.proofs.statements import Statement


def dino_loss(s: Any) -> Any:
    """DINO's loss of a student's bottleneck z: prototypes t_k with gains g_k, the teacher's output P fixed."""
    target = s.sp.symbols(f"P1:{len(s.others) + 1}", positive=True)
    logits = [g * s.dot(s.unit(s.z), s.unit(t)) / s.tau for g, t in zip(gains(s), s.others, strict=True)]
    total = s.log(sum(s.exp(x) for x in logits))
    return -sum(p * (x - total) for p, x in zip(target, logits, strict=True))


def gains(s: Any) -> Any:
    """Of the weight-normalised last layer: fixed to 1 by default in the published head, else trained."""
    return s.sp.symbols(f"g1:{len(s.others) + 1}", positive=True)


class PublishedHead(nn.Module):
    """The end of DINO's head: l2-normalised bottleneck, weight-normalised linear layer without bias."""

    def __init__(self, d: int, k: int, seed: int) -> None:
        super().__init__()
        layer = nn.Linear(d, k, bias=False, dtype=torch.float64)
        generator = torch.Generator().manual_seed(seed)
        layer.weight.data.normal_(generator=generator)
        self.last = nn.utils.parametrizations.weight_norm(layer)
        gain = self.last.parametrizations.weight.original0
        gain.data = torch.rand(gain.shape, generator=generator, dtype=torch.float64) + 0.5

    def forward(self, z: Tensor) -> Tensor:
        return self.last(nn.functional.normalize(z, dim=1))


def dino_of(head: nn.Module, k: int) -> Loss:
    """DINO's loss of both views' bottlenecks, each against the other's output as the teacher's."""

    def f(z: Tensor) -> Tensor:
        first, second = head(z).chunk(2)
        center = torch.zeros(k, dtype=z.dtype)
        return losses.dino(first, second, center) / 2 + losses.dino(second, first, center) / 2

    return f


def check(seed: int) -> list[Statement]:
    """Does scaling the bottleneck, before the head normalises it, change the loss?"""
    from ssllib.engine.methods.dino import Prototypes

    spaces = [GramBatch(m) for m in (1, 2)]
    changes = any(not s.vanishes(s.at(dino_loss, (1 + s.gamma) * s.z) - dino_loss(s)) for s in spaces)
    plane = PlaneBatch([(0, 1), (1, 0)])
    plain = dict.fromkeys(gains(plane), 1) | dict(
        zip(plane.sp.symbols("P1:3", positive=True), (1, 0), strict=True)
    )
    at = {k: plane.put(dino_loss(plane).subs(plain), (4 * k, 3 * k))[0] for k in (1, 2)}
    held = {"z": [4, 3], "prototypes": "(0, 1), (1, 0)", "teacher": [1, 0]} | {
        f"loss at {k}z": str(plane.sp.N(v, 4)) for k, v in at.items()
    }
    equal = vanishes(at[1] - at[2])
    if changes == equal:
        raise AssertionError("the symbols and the example disagree on DINO")
    head = PublishedHead(16, 32, seed)
    ours = Prototypes(16, 32).double()
    nn.init.normal_(ours.weight, generator=torch.Generator().manual_seed(seed))
    return [
        Statement(
            "2406.16468 section 4",
            r"\mathcal L_{\mathrm{DINO}}(k z) \neq \mathcal L_{\mathrm{DINO}}(z) \text{ for some } k > 0",
            changes,
            "SymPy",
            None if changes else held,
        ),
        Statement(
            "it is a loss of cosines",
            r"\text{logits}_k = g_k \, \hat z^\top \hat w_k, \quad z^\top \nabla \mathcal L_{\mathrm{DINO}} = 0",
            BatchRelation(lambda s: s.dot(s.z, s.gradient(dino_loss)), zero).proved(),
            "SymPy",
            role="added",
        ),
        *(
            bottleneck(name, dino_of(module, 32), seed)
            for name, module in (("published head", head), ("ssllib.engine.methods.dino, Prototypes", ours))
        ),
        other_reading(),
    ]


def bottleneck(name: str, f: Loss, seed: int) -> Statement:
    """By autograd: no part of the gradient along a bottleneck vector of 16 dimensions."""
    x = largest_radial(f, 16, seed)
    tex = r"z^\top \nabla \mathcal L_{\mathrm{DINO}} = 0"
    return Statement(name, tex, x < ROUNDING, "autograd", role="added")


PLACES = {"both views at (1, 1)": (1, 1), "both views at (1, 0)": (1, 0)}


def other_reading() -> Statement:
    """What is true of the sentence: the loss is no function of the cosine between the two views' embeddings."""
    s = PlaneBatch([(0, 1), (1, 0)])

    def of_pair(student: tuple[int, int], teacher: tuple[int, int]) -> Any:
        other = PlaneBatch(s.others)
        out = [other.put(similarity(other, other.z, w), teacher)[0] for w in other.others]
        target = [x / sum(out) for x in out]
        known = dict.fromkeys(gains(s), 1) | dict(
            zip(s.sp.symbols("P1:3", positive=True), target, strict=True)
        )
        return s.sp.N(s.put(dino_loss(s).subs(known), student)[0], 4)

    found = {name: str(of_pair(place, place)) for name, place in PLACES.items()}
    tex = r"\cos(z_1, z_2) \text{ does not determine } \mathcal L_{\mathrm{DINO}}(z_1, z_2)"
    return Statement("another reading", tex, len(set(found.values())) > 1, "example", found, role="added")
