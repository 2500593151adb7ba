"""The views of `augment.c`: compiled by the machine's C compiler when first wanted, kept in the cache folder.

Nothing is built at installation, and nothing needs a compiler: where there is none, `views` gives None, and
`ssllib.augment` makes the same views by tensor operations, equal up to rounding.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssllib.errors import InputError
from ssllib.paths import cache_dir

if TYPE_CHECKING:
    from ssllib.augment import Parameters

SOURCE = Path(__file__).with_name("augment.c")
FLAGS = "-O3 -march=native -std=c11 -fno-math-errno -fno-trapping-math -fopenmp-simd -shared -fPIC".split()


def compiler() -> list[str] | None:
    """The C compiler as a command: `$CC`, else the first of cc, gcc and clang there is; None without one."""
    given = shlex.split(os.environ.get("CC", ""))
    found = next((name for name in (given[:1] or ["cc", "gcc", "clang"]) if shutil.which(name)), None)
    return None if found is None else [found, *given[1:]]


def build(command: list[str], folder: Path) -> Path:
    """The library built by `command`, from `folder` if it has been built there on a processor like this one.

    Raises:
        OSError, subprocess.CalledProcessError: where it cannot be built.
    """
    about = subprocess.run([*command, "--version"], capture_output=True, check=True).stdout
    what = [SOURCE.read_bytes(), " ".join([*command, *FLAGS]).encode(), about, _processor().encode()]
    path = folder / f"augment-{hashlib.sha256(b'|'.join(what)).hexdigest()[:16]}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".so")
        os.close(handle)
        try:
            call = [*command, *FLAGS, str(SOURCE), "-o", name, "-lm"]
            subprocess.run(call, capture_output=True, check=True)
            os.replace(name, path)  # whole or not at all: several processes may build at once
        finally:
            Path(name).unlink(missing_ok=True)
    return path


def _processor() -> str:
    """What `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    kinds = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU part")
    return "".join(sorted({line for line in lines if line.partition(":")[0].strip() in kinds}))


@cache
def library() -> ctypes.CDLL | None:
    """The compiled code; None, with a warning, where it cannot be had."""
    command = compiler()
    why = "no C compiler (cc, gcc, clang or $CC)"
    if command is not None:
        try:
            return ctypes.CDLL(str(build(command, cache_dir() / "native")))
        except subprocess.CalledProcessError as e:
            why = f"{command[0]} failed: {e.stderr.decode(errors='replace').strip()[-300:]}"
        except OSError as e:
            why = str(e)
    warnings.warn(f"views are made by tensor operations, several times slower: {why}", stacklevel=2)
    return None


def views(images: Tensor, p: Parameters, side: int = 0, dtype: torch.dtype = torch.bfloat16) -> Tensor | None:
    """A view of each image by the parameters `p`: `colour(crop(to_float(images), p, side), p)` of `ssllib.augment`.

    Args:
        images: bytes (n, 3, h, w) on the CPU.
        side: the views' height and width where they are not the images', in pixels.
        dtype: bfloat16 or float32.

    Returns:
        (n, 3, h, w) in channels-last order, from 0 to 1; None without a compiler.

    Raises:
        InputError: on images, parameters or a dtype of another kind.
    """
    code = library()
    if code is None:
        return None
    if images.device.type != "cpu" or images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        what = f"{images.dtype} {tuple(images.shape)} on {images.device}"
        raise InputError(f"images are {what}; allowed: bytes (n, 3, h, w) on the CPU")
    if dtype not in (torch.bfloat16, torch.float32):
        raise InputError(f"dtype is {dtype}; allowed: bfloat16 and float32")
    n, _, h, w = images.shape
    images = images.contiguous()
    numbers = (p.top, p.left, p.height, p.width, p.brightness, p.contrast, p.saturation, p.hue)
    drawn, chosen = torch.stack(numbers), torch.stack([p.flip, p.gray]).to(torch.uint8)
    if drawn.shape != (8, n) or drawn.dtype != torch.float32 or sorted(p.order) != [0, 1, 2, 3]:
        raise InputError(f"{n} images with parameters for {drawn.shape[1]}; allowed: one each, in float32")
    order = (ctypes.c_int64 * 4)(*p.order)
    out = torch.empty(n, side or h, side or w, 3, dtype=dtype)
    failed = code.ssllib_views(
        ctypes.c_void_p(images.data_ptr()), n, h, w, side or h, side or w, ctypes.c_void_p(drawn.data_ptr()),
        ctypes.c_void_p(chosen.data_ptr()), order, int(dtype == torch.bfloat16), ctypes.c_void_p(out.data_ptr()),
    )  # fmt: skip
    if failed:
        raise MemoryError("no memory for an image")
    return out.permute(0, 3, 1, 2)
