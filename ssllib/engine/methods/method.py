"""What every method offers the training loop."""

from __future__ import annotations

import copy
import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ssllib.engine.train_config import TrainConfig


class Method(nn.Module):
    """A network with its loss.

    `embedding` is the place (a key of what `embed` returns) where the loss acts: GradScale stands there, and
    norms and gradients are reported there. `constant_rate` names the parts whose learning rate stays at its
    peak. One that `wants_labels` is given the labels of a batch as a third argument of `forward`.
    """

    embedding: ClassVar[str] = "projector"
    constant_rate: ClassVar[tuple[str, ...]] = ()
    wants_labels: bool = False

    @classmethod
    def from_config(cls, c: TrainConfig) -> Method:
        """The untrained method of a configuration."""
        raise NotImplementedError

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to features (n, ...) at each place, `backbone` first."""
        raise NotImplementedError

    def forward(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch of view pairs, and the features it was made from.

        With m rows at each place: the two views, one after the other. A method that compares its embeddings
        with a target adds it as `target`, row i the (detached) counterpart of row i of the embedding.
        """
        raise NotImplementedError

    def begin(self) -> None:
        """Called once, after the initialization (and its cut) and before the first step."""

    def after_step(self, progress: float) -> None:
        """Called after each step of the optimizer; `progress` runs from 0 to 1 over the schedule."""

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups for the optimizer; `constant` marks those whose rate does not follow the schedule."""
        constant = [p for name in self.constant_rate for p in getattr(self, name).parameters()]
        apart = set(map(id, constant))
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in apart]
        return [{"params": rest}] + ([{"params": constant, "constant": True}] if constant else [])

    def embed_both(self, view1: Tensor, view2: Tensor) -> dict[str, Tensor]:
        """`embed` each view in a pass of its own (batch norm sees one view at a time) and stack them."""
        a, b = self.embed(view1), self.embed(view2)
        return {place: torch.cat([a[place], b[place]]) for place in a}


def twin(*online: nn.Module) -> nn.Sequential:
    """A copy of modules in a row that takes no gradient: the target network.

    A method registers it before the modules it copies, so that the last layer of the method is its own.
    """
    return nn.Sequential(*copy.deepcopy(list(online))).requires_grad_(False)


@torch.no_grad()
def follow(target: nn.Sequential, *online: nn.Module, keep: float) -> None:
    """Move the target's parameters: `keep` of their own, the rest of the online ones."""
    own: list[Tensor] = list(target.parameters())
    theirs: list[Tensor] = [p for module in online for p in module.parameters()]
    torch._foreach_lerp_(own, theirs, 1 - keep)


@torch.no_grad()
def feeding_batch_norm(model: Method, size: int = 32) -> list[nn.Parameter]:
    """The trained weights of linear and convolutional layers whose output is the input of a batch norm.

    Multiplied by a positive number, they leave what the method computes in training mode as it is (up to batch
    norm's epsilon). Found by following a batch of black images of `size` pixels through `embed`.
    """
    made: list[tuple[Tensor, nn.Module]] = []  # outputs, kept so that no other tensor takes their place
    found: list[nn.Parameter] = []

    def after(module: nn.Module, _: Any, output: Tensor) -> None:
        made.append((output, module))

    def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found.extend(m.weight for z, m in made if z is inputs[0])  # type: ignore[misc]

    hooks = []
    for m in model.modules():
        if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd)):
            hooks.append(m.register_forward_hook(after))
        elif isinstance(m, nn.modules.batchnorm._BatchNorm):
            hooks.append(m.register_forward_pre_hook(before))
    modes = {m: m.training for m in model.modules()}
    where = next(model.parameters()).device
    try:
        model.eval().embed(torch.zeros(2, 3, size, size, device=where))
    finally:
        for hook in hooks:
            hook.remove()
        for m, training in modes.items():
            m.training = training
    return [p for p in dict.fromkeys(found) if p.requires_grad]


def rising(start: float, progress: float) -> float:
    """A target's momentum that rises from `start` to 1 along half a cosine (Grill et al. 2020, section 3.3)."""
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2
