"""A checkpoint is removed where it is damaged, and only there."""

from pathlib import Path

import pytest
import torch

from ssllib.engine import checkpoint
from ssllib.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "c.pt", {"a": torch.arange(100.0)})
    return tmp_path / "c.pt"


def test_whole(path: Path) -> None:
    found = checkpoint.load(path)
    assert found is not None and torch.equal(found["a"], torch.arange(100.0))
    assert checkpoint.load(path.with_name("none.pt")) is None


@pytest.mark.parametrize("keep", [0, 10, 300, -20])
def test_cut_short(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    assert checkpoint.load(path) is None and not path.exists()


def test_no_checkpoint_at_all(path: Path) -> None:
    path.write_text("text")
    assert checkpoint.load(path) is None and not path.exists()


@pytest.mark.parametrize(
    "error", [OSError(116, "Stale file handle"), PermissionError(13, "Permission denied"), MemoryError(),
              RuntimeError("DefaultCPUAllocator: can't allocate memory"), RuntimeError("CUDA error: out of memory")],
)  # fmt: skip
def test_not_to_be_read_now(path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(InputError, match="c.pt cannot be read now .*it is kept, so try again"):
        checkpoint.load(path)
    monkeypatch.undo()
    assert checkpoint.load(path) is not None


def test_an_interrupt_passes_through(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "load", stop)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.load(path)
    assert path.exists()
