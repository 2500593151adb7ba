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

    A parametrized weight is divided through the parameters it is made from where that divides it (weight norm).

    Raises:
        InputError: if `c` is not positive, `which` is unknown, there is nothing to divide, a parameter has no value yet
            (a lazy layer), or a parametrization undoes the cut (spectral norm, orthogonal). Nothing is changed then.
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
    before = [read().clone() for _, read in made]
    kept = [p.clone() for p in chosen] if made else []
    for p in chosen:
        p.div_(c)
    for (name, read), old in zip(made, before, strict=True):
        if not torch.allclose(read(), old / c, rtol=1e-3, atol=0):
            for p, value in zip(chosen, kept, strict=True):
                p.copy_(value)
            raise InputError(f"{name} is parametrized so that dividing its parameters by {c:g} does not divide it")
    return module


def _made(module: nn.Module, chosen: set[int]) -> list[tuple[str, Callable[[], Tensor]]]:
    """Name and reader of each weight that is computed from some of the parameters `chosen` (by id)."""
    found: list[tuple[str, Callable[[], Tensor]]] = []
    for where, m in module.named_modules():
        for name, steps in getattr(m, "parametrizations", {}).items():
            if any(id(p) in chosen for p in steps.parameters()):
                found.append((f"{where}.{name}".lstrip("."), partial(_evaluated, m, name, steps)))
        for hook in m._forward_pre_hooks.values():  # the older spectral and weight norm
            compute, name = getattr(hook, "compute_weight", None), getattr(hook, "name", "")
            if compute and any(id(p) in chosen for p in m.parameters(recurse=False)):
                more = {"do_power_iteration": False} if hasattr(hook, "n_power_iterations") else {}
                found.append((f"{where}.{name}".lstrip("."), partial(compute, m, **more)))
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
