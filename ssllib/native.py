"""The code in C: compiled by the machine's C compiler when first wanted, kept in the cache folder.

Nothing is built at installation, and nothing needs a compiler: where there is none the callers do the same by
tensor operations: views are then equal up to rounding, the largest values exactly.
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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from ssllib.errors import InputError, in_range
from ssllib.paths import cache_dir

if TYPE_CHECKING:
    from ssllib.augment import Parameters

T = TypeVar("T")

SOURCES = {name: Path(__file__).with_name(f"{name}.c") for name in ("augment", "nearest")}
FLAGS = "-O3 -march=native -std=c11 -fno-math-errno -fno-trapping-math -fopenmp-simd -shared -fPIC".split()


class Unavailable(Exception):
    """There is no compiled code on this machine."""


def compiler() -> list[str] | None:
    """The C compiler as a command: `$CC`, else the first of cc, gcc and clang there is; None without one."""
    given = shlex.split(os.environ.get("CC", ""))
    found = next((name for name in (given[:1] or ["cc", "gcc", "clang"]) if shutil.which(name)), None)
    return None if found is None else [found, *given[1:]]


def build(name: str, command: list[str], folder: Path) -> Path:
    """A library of `SOURCES` built by `command`, or from `folder`, if built there on such a processor.

    Raises:
        OSError, subprocess.CalledProcessError: where it cannot be built.
    """
    about = subprocess.run([*command, "--version"], capture_output=True, check=True).stdout
    source = SOURCES[name]
    what = [source.read_bytes(), " ".join([*command, *FLAGS]).encode(), about, _processor().encode()]
    path = folder / f"{name}-{hashlib.sha256(b'|'.join(what)).hexdigest()[:16]}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=folder, suffix=".so")
        os.close(handle)
        try:
            call = [*command, *FLAGS, str(source), "-o", made, "-lm"]
            subprocess.run(call, capture_output=True, check=True)
            os.replace(made, path)  # whole or not at all: several processes may build at once
        finally:
            Path(made).unlink(missing_ok=True)
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
def library(name: str) -> ctypes.CDLL | None:
    """One of `SOURCES`, compiled; None, with a warning, where it cannot be had."""
    command = compiler()
    why = "no C compiler (cc, gcc, clang or $CC)"
    if command is not None:
        try:
            path = build(name, command, cache_dir() / "native")
            try:
                return ctypes.CDLL(str(path))
            except OSError:  # damaged in the cache
                path.unlink()
                return ctypes.CDLL(str(build(name, command, path.parent)))
        except subprocess.CalledProcessError as e:
            why = f"{command[0]} failed: {e.stderr.decode(errors='replace').strip()[-300:]}"
        except OSError as e:
            why = str(e)
    warnings.warn(f"{name} by tensor operations, which is slower: {why}", stacklevel=2)
    return None


def views(images: Tensor, p: Parameters, side: int = 0, dtype: torch.dtype = torch.bfloat16) -> Tensor | None:
    """A view of each image by parameters: `colour(crop(to_float(images), p, side), p)` of `ssllib.augment`.

    Args:
        images: bytes (n, 3, h, w) on the CPU.
        side: the views' height and width where they are not the images', in pixels.
        dtype: bfloat16 or float32.

    Returns:
        (n, 3, h, w) in channels-last order, from 0 to 1; None without a compiler.

    Raises:
        InputError: on images, parameters or a dtype of another kind.
    """
    code = library("augment")
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
        ctypes.c_void_p(images.data_ptr()), n, h, w, side or h, side or w,
        ctypes.c_void_p(drawn.data_ptr()), ctypes.c_void_p(chosen.data_ptr()), order,
        int(dtype == torch.bfloat16), ctypes.c_void_p(out.data_ptr()),
    )  # fmt: skip
    if failed:
        raise MemoryError("no memory for an image")
    return out.permute(0, 3, 1, 2)


class Largest:
    """The `k` largest of each row of a float32 matrix on the CPU that comes in blocks of columns.

    As `topk(k, dim=1)` of the whole; of equal values the first come first.

    Raises:
        Unavailable: without a compiler.
    """

    def __init__(self, rows: int, k: int) -> None:
        code = library("nearest")
        if code is None:
            raise Unavailable
        in_range("k", k, 1, 2**31)
        self.code, self.rows, self.k, self.room, self.columns = code, rows, k, 4 * k + 64, 0
        self.kept = torch.empty(rows, self.room, dtype=torch.int64)
        self.counts = torch.zeros(rows, dtype=torch.int64)
        self.thresholds = torch.full((rows,), -torch.inf)

    def add(self, block: Tensor) -> None:
        """The next columns (rows, m), contiguous."""
        good = block.device.type == "cpu" and block.dtype == torch.float32 and block.is_contiguous()
        if not good or block.ndim != 2 or len(block) != self.rows:
            what = f"{block.dtype} {tuple(block.shape)} on {block.device}"
            raise InputError(f"the block is {what}; allowed: contiguous float32 ({self.rows}, m) on the CPU")
        first, m = self.columns, block.shape[1]
        in_range("columns", first + m, 0, 2**32 - 1)
        self.columns += m

        def some(at: slice) -> None:
            x, kept, counts, thresholds = _pointers(at, block, self.kept, self.counts, self.thresholds)
            numbers = map(ctypes.c_int64, (at.stop - at.start, m, first, self.k, self.room))
            self.code.ssllib_keep(x, *numbers, kept, counts, thresholds)

        _shared(some, self.rows)

    def found(self) -> tuple[Tensor, Tensor] | None:
        """Values and places (rows, k), the largest first; None where a row has not k over minus infinity."""
        values, places = torch.empty(self.rows, self.k), torch.empty(self.rows, self.k, dtype=torch.int64)

        def some(at: slice) -> int:
            kept, counts, *out = _pointers(at, self.kept, self.counts, values, places)
            numbers = map(ctypes.c_int64, (at.stop - at.start, self.k, self.room))
            return int(self.code.ssllib_largest(*numbers, kept, counts, *out))

        return None if any(_shared(some, self.rows)) else (values, places)


def _pointers(rows: slice, *tensors: Tensor) -> list[ctypes.c_void_p]:
    """The addresses of the first of some rows."""
    return [ctypes.c_void_p(t[rows].data_ptr()) for t in tensors]


def _shared(work: Callable[[slice], T], rows: int) -> list[T]:
    """`work` on all rows, in as many parts at once as torch has threads."""
    parts = max(1, min(torch.get_num_threads(), rows))
    slices = [slice(rows * i // parts, rows * (i + 1) // parts) for i in range(parts)]
    if parts == 1:
        return [work(slices[0])]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(work, slices))
