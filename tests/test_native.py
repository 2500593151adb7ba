"""The compiled search for the largest of each row against torch.topk; for the views see test_augment."""

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssllib import native
from ssllib.engine.evaluation import knn

NO_COMPILER = native.compiler() is None
pytestmark = pytest.mark.skipif(NO_COMPILER, reason="no C compiler")


@pytest.fixture(params=["", " -mno-avx512f", " -mno-avx512f -mno-avx"], ids=["native", "no AVX-512", "no AVX"])
def built(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The code as this machine's compiler makes it, and for processors that can do less."""
    command = native.compiler()
    assert command is not None
    if request.param:
        with open("/proc/cpuinfo") as f:
            if "x86" not in platform.machine() or "avx512f" not in f.read():
                pytest.skip("the processor has no AVX-512 to leave out")
        monkeypatch.setenv("CC", " ".join(command) + request.param)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.library.cache_clear()
    yield
    native.library.cache_clear()


def found(x: Tensor, k: int, block: int) -> tuple[Tensor, Tensor] | None:
    search = native.Largest(len(x), k)
    for part in x.split(block, dim=1):
        search.add(part.contiguous())
    return search.found()


def checked(x: Tensor, k: int, block: int) -> None:
    """The largest values, exactly those of topk, in falling order; of equal ones the first."""
    both = found(x, k, block)
    assert both is not None
    values, places = both
    assert torch.equal(values, x.topk(k, dim=1).values)
    assert torch.equal(places, x.sort(dim=1, descending=True, stable=True).indices[:, :k])


@pytest.mark.parametrize("k", [1, 10, 200])
@pytest.mark.parametrize("block", [150, 1000, 5000])
def test_the_largest_are_those_of_topk(built: None, k: int, block: int) -> None:
    g = torch.Generator().manual_seed(k)
    checked(torch.randn(23, 5000, generator=g), k, block)
    checked(torch.randn(23, 5000, generator=g).sort(dim=1).values, k, block)  # each block is above the one before
    checked(torch.randn(23, 5000, generator=g).sort(dim=1, descending=True).values, k, block)
    checked(torch.randint(-3, 9, (23, 5000), generator=g).float(), k, block)  # many ties, at the threshold too
    checked(torch.zeros(2, 5000), k, block)
    rare = torch.zeros(4, 5000)
    rare[:, ::128] = torch.rand(4, 40, generator=g)  # where the sample is taken
    checked(rare, k, block)


def test_as_many_as_there_are(built: None) -> None:
    x = torch.randn(5, 130)
    checked(x, 130, 130)
    checked(x, 130, 17)


def test_rows_that_lack_numbers_are_not_answered(built: None) -> None:
    x = torch.randn(4, 300)
    for bad in (torch.nan, -torch.inf):
        x[2, 5:] = bad
        assert found(x, 10, 100) is None
    assert found(x[[0, 1, 3]], 10, 100) is not None


def test_threads_change_nothing() -> None:
    x = torch.randn(9, 4000)
    one = found(x, 50, 1000)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        three = found(x, 50, 1000)
    finally:
        torch.set_num_threads(before)
    assert one is not None and three is not None and all(map(torch.equal, one, three))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("temperature", [None, 0.1])
def test_knn_is_the_same_with_and_without(
    own: bool, temperature: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = torch.Generator().manual_seed(1)
    bank, labels = torch.randn(6000, 16, generator=g), torch.randint(10, (6000,), generator=g)
    queries = bank if own else torch.randn(1500, 16, generator=g)

    def votes() -> Tensor:
        return knn.knn_scores(bank, labels, queries, 30, temperature, leave_one_out=own)

    calls, add = [], native.Largest.add

    def counted(search: native.Largest, block: Tensor) -> None:
        calls.append(block.shape)
        add(search, block)

    monkeypatch.setattr(native.Largest, "add", counted)
    ours = votes()
    assert len(calls) >= 2  # in blocks
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours, votes())  # features are compared in float32 in a bf16 run, too
    monkeypatch.setattr(native, "library", lambda name: None)
    torch.testing.assert_close(ours, votes(), atol=1e-4, rtol=1e-5)


def test_knn_of_features_that_are_not_finite_is_as_without(monkeypatch: pytest.MonkeyPatch) -> None:
    g = torch.Generator().manual_seed(1)
    bank, labels = torch.randn(5000, 8, generator=g), torch.randint(3, (5000,), generator=g)
    queries = torch.randn(1000, 8, generator=g)
    queries[7] = torch.nan
    ours = knn.knn_predict(bank, labels, queries, 5)
    monkeypatch.setattr(native, "library", lambda name: None)
    assert torch.equal(ours, knn.knn_predict(bank, labels, queries, 5))


@pytest.mark.skipif(native.compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("damage", [b"", b"not a library"])
def test_a_damaged_library_in_the_cache_is_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = native.compiler()
    assert command is not None
    native.build("nearest", command, tmp_path / "ssllib" / "native").write_bytes(damage)
    native.library.cache_clear()
    try:
        assert native.library("nearest") is not None
    finally:
        native.library.cache_clear()
