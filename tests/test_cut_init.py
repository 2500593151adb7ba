import pytest
import torch
from torch import nn

from ssllib.cut_init import cut_init_
from ssllib.errors import InputError


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.parametrize("which", ["all", "weights", "last", "all-but-last"])
def test_divides_what_it_says(which: str) -> None:
    before, after = network(), network()
    assert cut_init_(after, 4.0, which) is after
    expected = {
        "all": {"0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"},
        "weights": {"0.weight", "3.weight"},
        "last": {"3.weight", "3.bias"},
        "all-but-last": {"0.weight", "0.bias", "1.weight", "1.bias"},
    }[which]
    for (name, p), q in zip(before.named_parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(q, p / 4 if name in expected else p)


def test_buffers_are_left_alone_and_c_below_one_enlarges() -> None:
    net = cut_init_(network(), 0.5)
    assert torch.equal(net[1].running_var, torch.ones(4))
    assert torch.equal(net[1].weight, torch.full((4,), 2.0))


@pytest.mark.parametrize(
    "c,which,says",
    [(0, "all", "cut constant"), (-3, "all", "cut constant"), (2, "some", "allowed: all, weights, last, all-but-last")],
)
def test_bad_input(c: float, which: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        cut_init_(network(), c, which)


def test_nothing_to_cut() -> None:
    with pytest.raises(InputError, match="no parameters"):
        cut_init_(nn.ReLU(), 3)


@pytest.mark.parametrize("norm", [nn.utils.parametrizations.weight_norm, nn.utils.weight_norm])
@pytest.mark.parametrize("which", ["all", "weights"])
@pytest.mark.filterwarnings("ignore")
def test_weight_norm_is_cut_through_its_parameters(norm, which: str) -> None:
    layer, x = norm(nn.Linear(4, 3, bias=False)), torch.randn(2, 4)
    before = layer(x)
    torch.testing.assert_close(cut_init_(layer, 3.0, which)(x), before / 3)


@pytest.mark.parametrize("norm", [nn.utils.parametrizations.spectral_norm, nn.utils.parametrizations.orthogonal])
@pytest.mark.parametrize("which", ["all", "weights"])
def test_a_parametrization_that_undoes_the_cut_is_divided_itself(norm, which: str) -> None:
    torch.manual_seed(0)
    layer, x = norm(nn.Linear(4, 4, bias=False)).eval(), torch.randn(2, 4)
    before = layer(x)
    torch.testing.assert_close(cut_init_(layer, 3.0, which)(x), before / 3)
    twin = norm(nn.Linear(4, 4, bias=False))
    with pytest.raises(RuntimeError, match="divisor"):  # without the cut its state does not load unseen
        twin.load_state_dict(layer.state_dict())
    cut_init_(twin, 3.0, which).eval().load_state_dict(layer.state_dict())
    torch.testing.assert_close(twin(x), before / 3)
    wanted = torch.eye(4) / 6
    if norm is nn.utils.parametrizations.spectral_norm:
        layer.weight = wanted
        assert layer.parametrizations.weight.original.equal(wanted * 3)
    layer.train()(x).sum().backward()
    assert next(layer.parameters()).grad is not None


@pytest.mark.filterwarnings("ignore")
def test_what_undoes_the_cut_is_refused_and_nothing_changed() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.utils.spectral_norm(nn.Linear(4, 4)))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(InputError, match="1.weight does not follow its parameters"):
        cut_init_(net, 3.0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(m.training for m in net.modules())


def test_lazy_layers() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.LazyLinear(3))
    before = net[0].weight.clone()
    with pytest.raises(InputError, match="lazy layers"):
        cut_init_(net, 3.0)
    assert torch.equal(net[0].weight, before)
