"""Cut-initialization: divide a network's parameters by a constant before training.

Source: 2406.16468, section 4; 2502.09252, section 6 and Listing 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ssllib.errors import InputError, in_range, one_of

WHICH = ("all", "weights", "last", "all-but-last")


@torch.no_grad()
def cut_init_(module: nn.Module, c: float, which: str = "all") -> nn.Module:
    """Divide the parameters of `module` by `c`, in place, and return it.

    Args:
        module: any network, before its first step.
        c: the cut constant, positive; the papers use 3 for contrastive and 9 for non-contrastive methods.
            `c < 1` enlarges the network, `c = 1` leaves it as it is.
        which: `"all"` divides every parameter, batch norm's scales and shifts too (the released code,
            Listing 1); `"weights"` only parameters with two or more dimensions, the weights of linear and
            convolutional layers (the text's "all network weights"); `"last"` only weight and bias of the
            last linear or convolutional layer; `"all-but-last"` all the others.

    A parametrized weight is divided through the parameters it is made from where that divides it (weight norm). Where
    the parametrization undoes that (spectral norm, orthogonal) they are left and a division by `c` is appended to it,
    which stays: the weight's spectral norm is then 1 / c, and `state_dict` has `divisor`.

    Raises:
        InputError: if `c` is not positive, `which` is unknown, there is nothing to divide, a parameter has no value yet
            (a lazy layer), or torch's older spectral norm undoes the cut. Nothing is changed then.
    """
    in_range("cut constant c", c, 0, 1e6, open_low=True)
    one_of("choice of parameters to cut", which, WHICH)
    layers = [m for m in module.modules() if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd))]
    last = {id(p) for p in layers[-1].parameters()} if layers else set()
    keep = {
        "all": lambda p: True,
        "weights": lambda p: p.ndim >= 2,
        "last": lambda p: id(p) in last,
        "all-but-last": lambda p: id(p) not in last,
    }[which]
    chosen = [p for p in module.parameters() if keep(p)]
    if not chosen:
        raise InputError(f"{type(module).__name__} has no parameters to cut with which={which!r}")
    if any(is_lazy(p) for p in chosen):
        raise InputError(f"{type(module).__name__} has lazy layers; allowed: after a first forward pass")
    made = _made(module, {id(p) for p in chosen})
    before = [read().clone() for _, _, read in made]
    kept = {id(p): p.clone() for p in chosen} if made else {}
    for p in chosen:
        p.div_(c)
    undone = [
        (name, steps) for (name, steps, read), old in zip(made, before, strict=True)
        if not torch.allclose(read(), old / c, rtol=1e-3, atol=1e-6 * float(old.abs().max()) / c)
    ]  # fmt: skip
    if any(steps is None for _, steps in undone):
        for p in chosen:
            p.copy_(kept[id(p)])
        raise InputError(f"{undone[0][0]} does not follow its parameters; allowed: torch.nn.utils.parametrizations")
    for _, steps in undone:
        assert steps is not None
        for p in steps.parameters():
            if id(p) in kept:
                p.copy_(kept[id(p)])
        steps.append(_Divided(c))
    return module


class _Divided(nn.Module):
    """The last step of a parametrization: division by a constant."""

    divisor: Tensor

    def __init__(self, c: float) -> None:
        super().__init__()
        self.register_buffer("divisor", torch.tensor(float(c)))

    def forward(self, weight: Tensor) -> Tensor:
        return weight / self.divisor.to(weight)

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight * self.divisor.to(weight)


Made = tuple[str, nn.ModuleList | None, Callable[[], Tensor]]
"""A computed weight: its name, the steps of its parametrization (None: the older hooks), and its reader."""


def _made(module: nn.Module, chosen: set[int]) -> list[Made]:
    """Each weight that is computed from some of the parameters `chosen` (by id)."""
    found: list[Made] = []
    for where, m in module.named_modules():
        for name, steps in getattr(m, "parametrizations", {}).items():
            if any(id(p) in chosen for p in steps.parameters()):
                found.append((f"{where}.{name}".lstrip("."), steps, partial(_evaluated, m, name, steps)))
        for hook in m._forward_pre_hooks.values():  # the older spectral and weight norm
            compute, name = getattr(hook, "compute_weight", None), getattr(hook, "name", "")
            if compute and any(id(p) in chosen for p in m.parameters(recurse=False)):
                more = {"do_power_iteration": False} if hasattr(hook, "n_power_iterations") else {}
                found.append((f"{where}.{name}".lstrip("."), None, partial(compute, m, **more)))
    return found


def _evaluated(module: nn.Module, name: str, steps: nn.Module) -> Tensor:
    """A parametrized tensor, without the changes that its parametrization makes to itself while training."""
    modes = {m: m.training for m in steps.modules()}
    steps.eval()
    try:
        return getattr(module, name)
    finally:
        for m, mode in modes.items():
            m.training = mode
