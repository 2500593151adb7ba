"""Checkpoints that are either there whole or not there.

They lie in the folder `.checkpoints` of a store of records (`data/records/.checkpoints`, ignored by version control):
`<identity>.pt` after each epoch of a run, and `finished/<course>-<epoch>.pt` where a declared run goes on from a
finished one (see `TrainConfig.course`). Copying the folder to another machine carries both there.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from ssllib.errors import InputError, reason


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` to a temporary name and rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        torch.save(state, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any] | None:
    """The state at `path`, or None when there is none.

    One that is damaged is removed, and there is none: the run then starts anew.

    Raises:
        InputError: if the file is there and cannot be read now (a network's disk, permissions, memory); it stays.
    """
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError) as e:
        raise InputError(f"{path} cannot be read now ({reason(e)}); it is kept, so try again") from e
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError) as e:
        if "allocate" in str(e) or "out of memory" in str(e):
            raise InputError(f"{path} cannot be read now ({reason(e)}); it is kept, so try again") from e
        path.unlink(missing_ok=True)
        return None


def kept(folder: Path, course: str, epoch: int) -> Path:
    """Where the checkpoint of a finished run is kept."""
    return folder / "finished" / f"{course[:32]}-{epoch}.pt"


def latest(folder: Path, course: str, until: int) -> list[tuple[int, Path]]:
    """The kept checkpoints of a course up to epoch `until`, the latest first, as (epoch, path)."""
    found = [(int(p.stem.rpartition("-")[2]), p) for p in (folder / "finished").glob(f"{course[:32]}-*.pt")]
    return sorted((x for x in found if x[0] <= until), reverse=True)


def note(path: Path, **values: Any) -> None:
    """Write down where a run is, as JSON beside its checkpoint `path`, for who looks from outside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.part")
    temporary.write_text(json.dumps(values), encoding="utf-8")
    os.replace(temporary, path.with_suffix(".json"))


def noted(path: Path) -> dict[str, Any]:
    """What `note` left beside the checkpoint `path`; empty if nothing."""
    try:
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
