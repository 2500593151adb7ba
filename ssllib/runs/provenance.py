"""Where a result came from: code, packages, device, date, time."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any


def provenance(seconds: float, revision: int) -> dict[str, Any]:
    """What a record says of its making, for a run that took `seconds` with an engine of that revision."""
    import torch

    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "engine": revision,
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in ("ssllib", "torch", "numpy")},
        "device": device(),
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 2),
    }


def device() -> str:
    """What runs are carried out on here."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU {torch.backends.cpu.get_cpu_capability()}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"


@lru_cache(maxsize=1)
def commit() -> str:
    """The commit of the code that this process has loaded, with `+` when the working tree differs from it.

    Asked once, when the first run starts: a later commit must not be credited with an earlier program's work.
    """
    here = Path(__file__).resolve().parents[1]  # the package
    git = ["git", "-C", str(here)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
        dirty = subprocess.run(
            [*git, "status", "--porcelain", "--", str(here)], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+" if dirty.strip() else "")
