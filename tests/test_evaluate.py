import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from ssllib.engine.data import ImageSet
from ssllib.engine.data.imbalance import imbalanced
from ssllib.engine.data.shapes import shapes
from ssllib.engine.evaluation.knn import (
    PROTOCOLS,
    accuracy,
    features,
    knn_accuracies,
    knn_bank,
    knn_predict,
    knn_scores,
    top_accuracy,
)
from ssllib.errors import InputError


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


def _loop(bank, labels, queries, k, temperature, own=None) -> torch.Tensor:
    """Votes by two plain loops, in double precision."""
    votes = torch.zeros(len(queries), int(labels.max()) + 1, dtype=torch.float64)
    for i, q in enumerate(queries.double().numpy()):
        near = []
        for j, b in enumerate(bank.double().numpy()):
            if not (own and i == j):
                near.append((float(q @ b / np.linalg.norm(q) / np.linalg.norm(b)), int(labels[j])))
        for cosine, label in sorted(near, reverse=True)[:k]:
            votes[i, label] += 1 if temperature is None else np.exp((cosine - 1) / temperature)
    return votes


@pytest.mark.parametrize("temperature", [None, 0.1, 0.02])
@pytest.mark.parametrize("own", [False, True])
def test_votes_against_two_loops(data, temperature: float | None, own: bool) -> None:
    bank, labels, queries = data[0][:60], data[1][:60], data[2][:25]
    queries = bank if own else queries
    ours = knn_scores(bank, labels, queries, 12, temperature, chunk=17, leave_one_out=own)
    torch.testing.assert_close(ours.double(), _loop(bank, labels, queries, 12, temperature, own), rtol=1e-3, atol=1e-6)


def test_asked_about_itself_a_bank_answers_with_its_own_labels(data) -> None:
    bank, labels, queries = data
    assert accuracy(knn_predict(bank, labels, bank, 1), labels) == 100
    assert accuracy(knn_scores(bank, labels, bank, 1, leave_one_out=True).argmax(1), labels) < 40
    with pytest.raises(InputError, match="queries that are the bank"):
        knn_scores(bank, labels, queries, 1, leave_one_out=True)
    with pytest.raises(InputError, match="k of k-NN"):
        knn_scores(bank, labels, bank, 300, leave_one_out=True)


def test_top_accuracy_against_scikit_learn() -> None:
    g = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(200, 12, generator=g), torch.randint(0, 12, (200,), generator=g)
    for k in (1, 3, 5):
        theirs = top_k_accuracy_score(labels.numpy(), scores.numpy(), k=k, labels=range(12))
        assert top_accuracy(scores, labels, k) == pytest.approx(100 * theirs)
    assert top_accuracy(scores, labels, 1) == accuracy(scores.argmax(dim=1), labels)


def test_ties_and_classes_without_a_vote() -> None:
    votes = torch.tensor([[3.0, 0.0, 3.0, 1.0, 0.0, 0.0]])
    hits = [[top_accuracy(votes, torch.tensor([y]), k, floor=0.0) for y in range(7)] for k in (1, 2, 5)]
    assert hits == [[100, 0, 0, 0, 0, 0, 0], [100, 0, 100, 0, 0, 0, 0], [100, 0, 100, 100, 0, 0, 0]]
    assert top_accuracy(votes, torch.tensor([1]), 5) == 100  # with scores instead of votes a zero is a score


def test_protocols(data) -> None:
    bank, labels, queries = data
    truth = torch.randint(0, 7, (90,), generator=torch.Generator().manual_seed(2))
    assert {name: (p.k, p.temperature) for name, p in PROTOCOLS.items() if p.bank == "train"} == {
        "knn": (200, 0.1), "knn10": (10, None),
    }  # fmt: skip
    for p in PROTOCOLS.values():
        top1, top5 = knn_accuracies(bank, labels, queries, truth, p)
        assert top1 == accuracy(knn_predict(bank, labels, queries, p.k, p.temperature), truth) and top1 < top5 <= 100
    small = knn_accuracies(bank[:50], labels[:50], queries, truth, PROTOCOLS["knn"])  # 50 < k = 200
    assert small[0] == accuracy(knn_predict(bank[:50], labels[:50], queries, 50, 0.1), truth)


def test_banks() -> None:
    full = shapes(320)
    train, _ = imbalanced(full, 1.5)
    assert knn_bank("train", train) is train and knn_bank("full", train, full) is full
    even = knn_bank("balanced", train)
    smallest = int(torch.bincount(train.labels).min())
    assert torch.bincount(even.labels).tolist() == [smallest] * 8 and smallest == 2
    a, b = knn_bank("augmented", train, batch=16), knn_bank("augmented", train, batch=16)
    assert len(a) == len(train) // 16 * 16 < len(train) and a.images.dtype == torch.uint8
    assert torch.equal(a.images, b.images) and not torch.equal(a.labels, train.labels[: len(a)])
    assert not torch.equal(a.images, knn_bank("augmented", train, seed=1, batch=16).images)
    grey = ImageSet(torch.arange(40).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).to(torch.uint8), torch.arange(40), 40)
    views = knn_bank("augmented", grey, batch=16)  # a crop of a plain picture is that picture
    assert torch.equal(views.images, grey.take(views.labels).images) and len(views.labels.unique()) == 32
    with pytest.raises(InputError, match="needs the set"):
        knn_bank("full", train)
    with pytest.raises(InputError, match="unknown k-NN bank 'all'"):
        knn_bank("all", train)


def test_a_prior_in_the_bank_decides_and_a_balanced_one_does_not() -> None:
    """Two classes that overlap fully: the imbalanced bank votes for the frequent one, the balanced bank does not."""
    g = torch.Generator().manual_seed(0)
    bank, queries = torch.randn(550, 3, generator=g), torch.randn(400, 3, generator=g)
    labels = (torch.arange(550) >= 500).long()  # 500 against 50
    assert float(knn_predict(bank, labels, queries, 200, 0.1).double().mean()) < 0.02
    even = torch.cat([torch.arange(50), torch.arange(500, 550)])
    assert 0.25 < float(knn_predict(bank[even], labels[even], queries, 50, 0.1).double().mean()) < 0.75


def test_features_do_not_depend_on_the_batch() -> None:
    data = shapes(10)
    both = [features(lambda x: {"mean": x.mean(dim=(2, 3))}, data, batch=b)["mean"] for b in (3, 10)]
    torch.testing.assert_close(both[0], both[1])
    torch.testing.assert_close(both[0], data.images.double().mean(dim=(2, 3)).float() / 255)
    assert features(lambda x: {"a": x.flatten(1)}, data, batch=4, device="cpu")["a"].shape == (10, 3072)


# --- numbers and sizes out of the ordinary ------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-20])
def test_a_low_temperature_is_the_nearest_neighbour(data, temperature: float) -> None:
    """exp((cos - 1) / T) underflows for every neighbour here; the vote is still the nearest one's."""
    bank, labels, queries = data
    bank, queries = bank.abs() * torch.tensor([1.0, 0, 0, 0, 0, 0]) + bank, -queries.abs()
    votes = knn_scores(bank, labels, queries, 20, temperature)
    assert bool((votes.sum(dim=1) > 0).all())
    assert torch.equal(votes.argmax(dim=1), knn_predict(bank, labels, queries, 1))
    neighbours = knn_scores(bank, labels, queries, 20)
    assert torch.equal(votes > 0, neighbours > 0)  # whoever has a neighbour has a vote


@pytest.mark.parametrize("temperature", [None, 0.1])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_have_no_vote_and_get_none(data, temperature, value: float) -> None:
    bank, labels, queries = (x.clone() for x in data)
    bank[::3, 2] = value
    queries[5, 0] = value
    keep = torch.ones(300, dtype=torch.bool)
    keep[::3] = False
    ours = knn_predict(bank, labels, queries, 10, temperature)
    wanted = knn_predict(bank[keep], labels[keep], data[2], 10, temperature)
    assert int(ours[5]) == -1 and torch.equal(ours[torch.arange(90) != 5], wanted[torch.arange(90) != 5])
    all_votes = knn_scores(bank, labels, queries, 300)  # more neighbours than there are
    assert int(all_votes[0].sum()) == 200 and int(all_votes[5].sum()) == 0
    bank[:] = value
    assert knn_predict(bank, labels, queries, 10, temperature).tolist() == [-1] * 90
    alone = knn_scores(data[0], labels, data[0], 299, leave_one_out=True)
    assert alone.sum(dim=1).tolist() == [299] * 300


def test_scores_that_are_no_number_are_no_hit() -> None:
    scores = torch.tensor([[0.1, float("nan"), 0.2], [0.1, 0.3, 0.2]])
    assert top_accuracy(scores, torch.tensor([2, 1]), 1) == 50
    assert np.isnan(accuracy(torch.zeros(0), torch.zeros(0)))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_labels_of_any_width_and_numpys_numbers(data, dtype: torch.dtype) -> None:
    bank, labels, queries = data
    wanted = knn_predict(bank, labels, queries, 10, 0.5)
    assert torch.equal(knn_predict(bank, labels.to(dtype), queries, np.int64(10), np.float32(0.5)), wanted)
    assert torch.equal(knn_predict(bank * 1e-30, labels, queries * 1e30, 10, 0.5), wanted)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, y, q: knn_predict(b, y, q, 2.5), "k of k-NN is 2.5; allowed: a whole number"),
        (lambda b, y, q: knn_predict(b, y, q, True), "k of k-NN is True"),
        (lambda b, y, q: knn_predict(b[:0], y[:0], q, 1), "0 bank features"),
        (lambda b, y, q: knn_predict(b, y.float(), q, 1), "labels of torch.float32"),
        (lambda b, y, q: knn_predict(b, y - 1, q, 1), "labels from -1 to 5; allowed: from 0"),
        (lambda b, y, q: knn_scores(b, y, q, 1, classes=3), "labels from 0 to 6; allowed: from 0 to 2"),
        (lambda b, y, q: knn_scores(b, y, q, 1, chunk=0), "chunk is 0"),
        (lambda b, y, q: knn_predict(b, y, q, 1, 0.0), "k-NN temperature is 0.0"),
        (lambda b, y, q: accuracy(y, y[:1]), "allowed: one shape"),
        (lambda b, y, q: top_accuracy(q, y[:90] - 1, 1), "a label is -1"),
        (lambda b, y, q: top_accuracy(q, y, 1), "do not fit"),
        (lambda b, y, q: knn_bank("augmented", shapes(8), batch=9), "at most the 8 images"),
        (lambda b, y, q: knn_bank("balanced", shapes(7)), "at least one of each"),
    ],
)
def test_what_is_refused(data, call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(*data)


def test_nobody_asked(data) -> None:
    bank, labels, queries = data
    assert knn_scores(bank, labels, queries[:0], 5).shape == (0, 7)
    assert knn_predict(bank, labels, queries[:0]).shape == (0,)


def test_a_last_batch_of_one_image_does_not_calibrate() -> None:
    """Batch norm of vectors has no variance of one image and refuses it."""
    from ssllib.engine.evaluation.knn import calibrate_batch_norm

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(3)

        def embed(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x.mean(dim=(2, 3)))

    ours, theirs = Small(), Small()
    calibrate_batch_norm(ours, shapes(17), batch=8)
    calibrate_batch_norm(theirs, shapes(17).take(torch.arange(16)), batch=8)
    assert torch.equal(ours.norm.running_mean, theirs.norm.running_mean) and int(ours.norm.num_batches_tracked) == 2
