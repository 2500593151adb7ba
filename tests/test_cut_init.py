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
