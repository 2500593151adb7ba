import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from ssllib.errors import InputError
from ssllib.evaluate import accuracy, knn_predict


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(300, 6, generator=g), torch.randint(0, 7, (300,), generator=g), torch.randn(90, 6, generator=g)


@pytest.mark.parametrize("k", [1, 10, 200])
@pytest.mark.parametrize("temperature", [None, 0.1])
def test_against_scikit_learn(data, k: int, temperature: float | None) -> None:
    bank, labels, queries = data

    def weights(distance: np.ndarray) -> np.ndarray:
        return np.exp(-distance / temperature)

    theirs = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights="uniform" if temperature is None else weights
    ).fit(bank.numpy(), labels.numpy())
    ours = knn_predict(bank, labels, queries, k, temperature, chunk=17)
    assert (ours.numpy() == theirs.predict(queries.numpy())).mean() > 0.98  # ties of float32 against float64


def test_only_the_direction_counts(data) -> None:
    bank, labels, queries = data
    scale = torch.rand(300, 1, generator=torch.Generator().manual_seed(1)) + 0.1
    assert torch.equal(knn_predict(bank, labels, queries, 10), knn_predict(bank * scale, labels, queries * 7, 10))


def test_accuracy_is_in_percent() -> None:
    assert accuracy(torch.tensor([1, 2, 3, 4]), torch.tensor([1, 2, 3, 0])) == 75.0


@pytest.mark.parametrize("k", [0, 301])
def test_bad_k(data, k: int) -> None:
    bank, labels, queries = data
    with pytest.raises(InputError, match="k of k-NN"):
        knn_predict(bank, labels, queries, k)


def test_shapes_that_do_not_fit(data) -> None:
    bank, labels, queries = data
    with pytest.raises(InputError, match="do not fit"):
        knn_predict(bank, labels[:5], queries)
