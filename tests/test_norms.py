import pytest
import torch

from ssllib.norms import NormMonitor, effective_rank, norm_statistics, pair_cosines


def test_norm_statistics() -> None:
    z = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert norm_statistics(z) == pytest.approx({"mean": 3.0, "std": 2.8284271, "min": 1.0, "max": 5.0})


def test_pair_cosines_ignore_the_norms() -> None:
    a, b = torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 9.0], [-5.0, 0.0]])
    torch.testing.assert_close(pair_cosines(a, b), torch.tensor([0.0, -1.0]))


def test_effective_rank_of_k_equal_directions() -> None:
    z = torch.cat([torch.eye(4), -torch.eye(4)])
    assert effective_rank(z) == pytest.approx(4.0, rel=1e-4)
    assert effective_rank(torch.outer(torch.linspace(-1, 1, 9), torch.ones(5))) == pytest.approx(1.0, abs=1e-2)


def test_monitor_in_a_model_of_ones_own() -> None:
    layer = torch.nn.Linear(3, 3, bias=False)
    torch.nn.init.eye_(layer.weight)
    monitor = NormMonitor(layer)
    assert monitor.means == []
    layer(torch.tensor([[3.0, 4.0, 0.0]]))
    layer(torch.tensor([[0.0, 0.0, 2.0]]))
    assert monitor.means == pytest.approx([5.0, 2.0])
    monitor.remove()
    layer(torch.ones(1, 3))
    assert len(monitor.means) == 2
