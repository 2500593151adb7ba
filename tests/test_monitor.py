"""NormMonitor in models of all kinds: compiled, copied, checkpointed, mapped, with outputs that are no tensor."""

import copy
import gc
import io
import logging
import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ssllib.errors import InputError
from ssllib.norms import NormMonitor


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def mean_norm(z: torch.Tensor, dim: int = -1) -> float:
    return float(torch.linalg.vector_norm(z.detach().float(), dim=dim).mean())


def test_compiled_once_however_many_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._dynamo.utils as of_dynamo

    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    of_dynamo.counters.clear()
    layer = nn.Linear(4, 3)
    monitor = NormMonitor(layer, keep=16)
    compiled = torch.compile(nn.Sequential(layer), backend="eager", fullgraph=True)
    outputs = [compiled(torch.randn(2, 4)) for _ in range(20)]
    assert of_dynamo.counters["stats"]["unique_graphs"] == 1
    assert monitor.passes == 20 and monitor.means == pytest.approx([mean_norm(z) for z in outputs[-16:]])
    monitor.remove()
    compiled(torch.randn(2, 4))  # what is compiled goes on, the monitor does not
    assert monitor.passes == 20 and monitor.means == pytest.approx([mean_norm(z) for z in outputs[-16:]])


def test_attached_to_what_is_compiled_already() -> None:
    layer = nn.Linear(4, 3)
    compiled = torch.compile(nn.Sequential(layer), backend="eager")
    compiled(torch.randn(2, 4))
    with pytest.warns(UserWarning, match="was reset, for it would not see the monitor"):
        monitor = NormMonitor(layer)
    z = compiled(torch.randn(2, 4))
    assert monitor.means == pytest.approx([mean_norm(z)])
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NormMonitor(layer)


def test_with_the_backward_pass_compiled() -> None:
    layer = nn.Linear(4, 3)
    monitor = NormMonitor(layer)
    compiled = torch.compile(nn.Sequential(layer), backend="aot_eager")
    z = compiled(torch.randn(2, 4))
    z.sum().backward()
    assert monitor.means == pytest.approx([mean_norm(z)]) and layer.weight.grad is not None


def test_copies_watch_nothing() -> None:
    layer = nn.Linear(4, 3)
    monitor = NormMonitor(layer)
    layer(torch.randn(2, 4))
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for twin in (copy.deepcopy(layer), copy.deepcopy(nn.Sequential(layer)), torch.load(file, weights_only=False)):
        for _ in range(3):
            twin(torch.randn(2, 4))
        for m in twin.modules():
            assert all(not h.__self__._seen.numel() for h in m._forward_hooks.values())
    assert monitor.passes == 1 and copy.deepcopy(monitor).means == []
    layer(torch.randn(2, 4))
    assert monitor.passes == 2


def test_leaves_with_its_context_or_its_last_reference() -> None:
    layer = nn.Linear(4, 3)
    with NormMonitor(layer) as monitor:
        layer(torch.randn(2, 4))
        assert len(layer._forward_hooks) == 1
    assert not layer._forward_hooks and monitor.passes == 1
    monitor.remove()
    dropped = NormMonitor(layer)
    assert len(layer._forward_hooks) == 1
    del dropped
    gc.collect()
    assert not layer._forward_hooks


def test_memory_does_not_grow_and_the_latest_stay_in_order() -> None:
    layer = nn.Identity()
    monitor = NormMonitor(layer, keep=5)
    for i in range(13):
        layer(torch.full((2, 1), float(i)))
        assert monitor.passes == i + 1 and monitor.means == list(range(max(0, i - 4), i + 1))
    assert monitor._numbers._seen.numel() == 5


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpointed_pass_counts_once(reentrant: bool) -> None:
    layer = nn.Linear(4, 3)
    monitor = NormMonitor(layer)
    x = torch.randn(2, 4, requires_grad=True)
    z = checkpoint(layer, x, use_reentrant=reentrant)
    z.sum().backward()
    assert monitor.means == pytest.approx([mean_norm(z)])


def test_under_func_and_in_inference_mode() -> None:
    layer = nn.Linear(4, 3)
    monitor, x = NormMonitor(layer), torch.randn(6, 4)
    z = mean_norm(layer(x))

    def loss(parameters: dict[str, torch.Tensor], one: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, parameters, (one,)).sum()

    torch.func.vmap(layer)(x)
    torch.func.vmap(torch.func.grad(loss), (None, 0))(dict(layer.named_parameters()), x)
    torch.func.vmap(layer, in_dims=1)(x.view(2, 3, 4))
    with torch.inference_mode():
        layer(x)
    layer(x)
    assert monitor.means == pytest.approx([z] * 6)


class Named(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, object]:
        return {"count": 3, "hidden": (None, [x]), "other": 2 * x}


def test_outputs_that_are_no_tensor() -> None:
    lstm, x = nn.LSTM(4, 5), torch.randn(2, 3, 4)
    monitor = NormMonitor(lstm)
    assert [mean_norm(lstm(x)[0])] == pytest.approx(monitor.means)
    named = Named()
    first, second = NormMonitor(named), NormMonitor(named, pick=lambda out: out["other"])
    named(x)
    assert first.means == pytest.approx([mean_norm(x)]) and second.means == pytest.approx([2 * mean_norm(x)])
    first.remove()
    second.remove()
    none = NormMonitor(named, pick=lambda out: out["count"])
    with pytest.raises(InputError, match="Named gives int; allowed: a floating-point tensor"):
        named(x)
    none.remove()
    whole = nn.Identity()
    kept = NormMonitor(whole)
    with pytest.raises(InputError, match="Identity gives torch.int64"):
        whole(torch.ones(2, 3, dtype=torch.int64))
    assert kept.means == []


def test_maps_are_measured_along_their_channels() -> None:
    x = torch.randn(2, 3, 8, 8)
    conv = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 5, 3))
    monitor = NormMonitor(conv)
    assert [mean_norm(conv(x), dim=1)] == pytest.approx(monitor.means)
    unknown = nn.ReLU()
    kept = NormMonitor(unknown)
    with pytest.raises(InputError, match="say dim=1 for channels first, dim=-1 for channels last"):
        unknown(x)
    kept.remove()
    last = NormMonitor(unknown, dim=-1)
    assert [mean_norm(unknown(x))] == pytest.approx(last.means)


def test_the_module_may_move_and_change_its_precision() -> None:
    layer = nn.Linear(4, 3)
    monitor, x = NormMonitor(layer), torch.randn(2, 4)
    single = layer(x)
    layer.double()
    layer(x.double())
    layer.bfloat16()
    layer(x.bfloat16())
    layer.to("meta")
    layer(x.bfloat16().to("meta"))  # no numbers there
    assert monitor.means == pytest.approx([mean_norm(single)] * 3, rel=2e-2)


@pytest.mark.parametrize("bad", [{"keep": 0}, {"keep": 2.0}, {"dim": 1.0}])
def test_bad_arguments(bad: dict) -> None:
    with pytest.raises(InputError, match="allowed: a whole number"):
        NormMonitor(nn.ReLU(), **bad)
    with pytest.raises(InputError, match="module is a builtin"):
        NormMonitor(torch.relu)  # type: ignore[arg-type]
