"""Cut-initialization: divide a network's parameters by a constant before training.

Source: 2406.16468, section 4; 2502.09252, section 6 and Listing 1.
"""

from __future__ import annotations

import torch
from torch import nn

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

    Raises:
        InputError: if `c` is not positive, `which` is unknown, or there is nothing to divide.
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
    for p in chosen:
        p.div_(c)
    return module
