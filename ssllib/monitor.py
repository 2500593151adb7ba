"""Watch the norms of a module's output in anybody's training."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _functorch
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from ssllib.errors import InputError, whole

_MAPS = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)


class NormMonitor:
    """Watch the norms of a module's output in anybody's training.

    >>> with NormMonitor(model.projector) as monitor:
    ...     ...  # train
    >>> monitor.means  # one number per forward pass

    Without `with`, it watches until `remove()` is called or nobody holds the monitor any more. A copy of the module
    (an EMA teacher) and a copy of the monitor watch nothing. A pass that is made again in the backward pass
    (`torch.utils.checkpoint`) counts once.

    The hook keeps one scalar per pass in a tensor of fixed size on the output's device and never synchronises; `means`
    copies them to the host. It is compiled with the module. `torch.compile` does not look again at the hooks of what it
    has compiled: if there is anything, it is reset with a warning, and compiled once more when next called.

    Args:
        module: its output is watched where it is called (under `DataParallel` each replica is).
        dim: the axis the norm is taken over. By default the last one, and axis 1, the channels, of the maps of
            convolutions and of batch and group norm; other outputs of more than three axes need it said.
        keep: passes that are kept, the latest ones.
        pick: takes the tensor out of the output; by default the first tensor of a tuple, list or dictionary.

    Raises:
        InputError: at the first pass, if the output holds no floating-point tensor or needs `dim`.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        dim: int | None = None,
        keep: int = 2**16,
        pick: Callable[[Any], Tensor] | None = None,
    ) -> None:
        self.keep = whole("keep", keep, 1, 2**30)
        if dim is not None:
            whole("dim", dim, -8, 7)
        if not isinstance(module, nn.Module):
            raise InputError(f"module is a {type(module).__name__}; allowed: a torch.nn.Module")
        first = next((p for p in module.parameters()), torch.empty(0))
        self._numbers = _Numbers(self.keep, _axis(module) if dim is None else dim, pick)
        self._numbers.place(first.device)
        if _something_is_compiled():
            warnings.warn(
                "what torch.compile has compiled was reset, for it would not see the monitor; attach it before the "
                "first compiled pass",
                stacklevel=2,
            )
            torch.compiler.reset()
        handle = module.register_forward_hook(self._numbers.hook)
        self._detach = weakref.finalize(self, handle.remove)
        self._detach.atexit = False

    @property
    def passes(self) -> int:
        """Forward passes so far."""
        return self._numbers.passes()

    @property
    def means(self) -> list[float]:
        """Mean norm of the output, one number per forward pass so far (of the latest `keep`)."""
        return self._numbers.latest()

    def remove(self) -> None:
        """Take the hook off the module; the numbers stay."""
        if self._detach.alive:
            self._detach()
            self._numbers = self._numbers.copy()  # compiled code goes on writing where it did

    def __enter__(self) -> NormMonitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __reduce__(self) -> tuple[Any, ...]:  # a copy watches nothing
        return _unattached, (self.keep,)


def _unattached(keep: int) -> NormMonitor:
    return NormMonitor(nn.Identity(), keep=keep)


class _Numbers:
    """A ring of scalars on a device, and the hook that fills it. It outlives no monitor, and copies of it are empty."""

    def __init__(self, keep: int, axis: int | None, pick: Callable[[Any], Tensor] | None) -> None:
        self.keep, self.axis, self.pick = keep, axis, pick
        self.inert = False
        self.lock = threading.Lock()  # replicas of DataParallel come in threads
        self._seen: Tensor = torch.empty(0)
        self._count: Tensor = torch.empty(0)

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()

    def place(self, device: torch.device) -> None:
        """Have the ring on `device`, with what it holds."""
        if self._seen.numel() and self._seen.device == device:
            return
        with torch.inference_mode(False), torch.no_grad():
            seen, count = torch.zeros(self.keep, device=device), torch.zeros(1, dtype=torch.int64, device=device)
            if self._seen.numel():
                seen.copy_(self._seen)
                count.copy_(self._count)
        self._seen, self._count = seen, count

    def copy(self) -> _Numbers:
        """The same numbers in other memory."""
        other = _Numbers(self.keep, self.axis, self.pick)
        with torch.inference_mode(False):
            other._seen, other._count = self._seen.clone(), self._count.clone()
        return other

    def hook(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if self.inert:
            return
        compiling = torch.compiler.is_compiling()
        if not compiling and torch._C._current_graph_task_id() != -1:
            return  # within a backward pass: a checkpointed pass made again
        z = self.pick(output) if self.pick else _first(output)
        if not isinstance(z, Tensor) or not z.is_floating_point() or z.ndim == 0:
            what = f"{z.dtype} {tuple(z.shape)}" if isinstance(z, Tensor) else type(z).__name__
            name = type(module).__name__
            raise InputError(f"{name} gives {what}; allowed: a floating-point tensor (..., d), see pick")
        axis = self.axis
        if axis is None:
            if z.ndim > 3:
                raise InputError(
                    f"{type(module).__name__} gives maps of shape {tuple(z.shape)}; say dim=1 for channels first, "
                    "dim=-1 for channels last"
                )
            axis = -1
        if compiling:
            self._add(z, axis)
            return
        z, axis = _plain(z, axis)
        if z.device.type == "meta":
            return
        with self.lock, temporarily_clear_interpreter_stack():
            if self._seen.device != z.device and (self._seen.device.type != "cuda" or z.device.type != "cuda"):
                self.place(z.device)  # the module has moved
            self._add(z, axis)

    def _add(self, z: Tensor, axis: int) -> None:
        with torch.no_grad():
            z = z.detach()
            mean = torch.linalg.vector_norm(z.to(torch.promote_types(z.dtype, torch.float32)), dim=axis).mean()
            mean = mean.to(self._seen.device, torch.float32, non_blocking=True)
            self._seen.index_copy_(0, self._count % self.keep, mean.view(1))
            self._count.add_(1)

    def passes(self) -> int:
        return int(self._count) if self._count.numel() else 0

    def latest(self) -> list[float]:
        n = self.passes()
        if n <= self.keep:
            return self._seen[:n].tolist()
        return self._seen.roll(-(n % self.keep)).tolist()


def _nothing() -> _Numbers:
    """What is left of a hook on a copied module."""
    numbers = _Numbers(0, None, None)
    numbers.inert = True
    return numbers


def _axis(module: nn.Module) -> int | None:
    """1 where the output's axis 1 holds the channels by torch's convention, else None."""
    while isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return 1 if isinstance(module, _MAPS) else None


def _first(output: Any) -> Any:
    """The first tensor of an output."""
    if isinstance(output, Tensor):
        return output
    inside = output.values() if hasattr(output, "values") else output if isinstance(output, (tuple, list)) else ()
    for part in inside:
        found = _first(part)
        if isinstance(found, Tensor):
            return found
    return output


def _plain(z: Tensor, axis: int) -> tuple[Tensor, int]:
    """A tensor below the wrappers of `torch.func`, mapped axes in front, and the axis counted from its end."""
    axis = axis if axis < 0 else axis - z.ndim
    while _functorch.is_functorch_wrapped_tensor(z):
        at = _functorch.maybe_get_bdim(z) if _functorch.is_batchedtensor(z) else -1
        z = _functorch.get_unwrapped(z)
        if at >= 0:
            z = z.movedim(at, 0)
    return z, axis


def _something_is_compiled() -> bool:
    """Whether `torch.compile` has compiled anything since its last reset."""
    frames = sys.modules.get("torch._dynamo.convert_frame")
    with contextlib.suppress(AttributeError):
        return frames is not None and len(frames.input_codes.seen) > 0
    return False
