"""The convolution of small pictures on a CPU: values and gradients of the ordinary one."""

import copy

import pytest
import torch

from ssllib.engine.methods import conv
from ssllib.engine.methods.backbones import ResNet
from ssllib.engine.methods.conv import Conv2d

SHAPES = [(8, 16, 8, 3, 2), (16, 16, 4, 3, 1), (8, 16, 8, 1, 2), (16, 32, 4, 3, 2), (32, 32, 2, 3, 1), (3, 8, 13, 5, 4),
          (16, 8, 1, 3, 1), (4, 8, 7, 3, 2), (4, 8, 3, 1, 1)]  # fmt: skip


def gradients(layer: torch.nn.Module, x: torch.Tensor, g: torch.Tensor, bf16: bool) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        y = layer(x)
    y.backward(g.to(y.dtype))
    return [y.detach().float(), x.grad, layer.weight.grad.clone()]


@pytest.mark.parametrize("inputs,outputs,size,side,stride", SHAPES)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_gradients_are_those_of_the_ordinary_convolution(
    inputs: int, outputs: int, size: int, side: int, stride: int, layout: torch.memory_format,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    torch.manual_seed(0)
    layer = Conv2d(inputs, outputs, side, stride)
    plain = torch.nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(6, inputs, size, size).to(memory_format=layout).bfloat16().float()
    with torch.no_grad():
        g = torch.randn_like(plain(x)).bfloat16().float()
        for m in (layer, plain):
            m.weight.copy_(m.weight.bfloat16().float())
    used = []
    monkeypatch.setattr(conv, "patches", lambda *a, f=conv.patches: used.append(1) or f(*a))
    exact = gradients(plain, x, g, bf16=False)
    for found, expected in zip(gradients(layer, x, g, bf16=True), exact, strict=True):
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.01 * float(expected.abs().max()))
    assert used
    used.clear()
    assert all(torch.equal(a, b) for a, b in zip(gradients(layer, x, g, bf16=False), exact, strict=True))
    assert not used  # in fp32 it is the ordinary one


def test_a_small_network_has_the_gradient_of_the_ordinary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    ours = ResNet("small", 16, zero_init_residual=False)
    theirs = copy.deepcopy(ours)
    x = torch.randn(32, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    for net, pixels in ((ours, conv.PIXELS), (theirs, 0)):
        monkeypatch.setattr(conv, "PIXELS", pixels)
        with torch.autocast("cpu", torch.bfloat16):
            net(x).float().square().mean().backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        error = float((p.grad - q.grad).norm() / q.grad.norm())
        assert error < 0.05, (name, error)
