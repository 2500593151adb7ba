from pathlib import Path

import pytest
import torch

from ssllib import datasets
from ssllib.config import TrainConfig
from ssllib.datasets import balanced
from ssllib.datasets.cifar import cifar
from ssllib.datasets.shapes import NAMES, annotate, shapes, shapes_with_blend
from ssllib.errors import InputError
from ssllib.evaluate import accuracy, knn_predict


def test_shapes_are_bytes_balanced_and_repeatable() -> None:
    a, b = shapes(80, seed=3), shapes(80, seed=3)
    assert torch.equal(a.images, b.images) and a.images.dtype == torch.uint8 and a.images.shape == (80, 3, 32, 32)
    assert torch.bincount(a.labels).tolist() == [10] * len(NAMES)
    assert not torch.equal(a.images, shapes(80, seed=4).images)


def test_pixels_alone_do_not_tell_the_pattern() -> None:
    bank, queries = shapes(1024, seed=1), shapes(256, seed=2)
    flat = [s.images.flatten(1).float() for s in (bank, queries)]
    found = knn_predict(flat[0] - flat[0].mean(0), bank.labels, flat[1] - flat[0].mean(0), 50, 0.1)
    assert 100 / 8 < accuracy(found, queries.labels) < 60


def test_ambiguous_images_divide_the_annotators() -> None:
    data, other, share = shapes_with_blend(400, seed=0, ambiguity=1.0)
    assert (other != data.labels).all() and 0 <= float(share.min()) and float(share.max()) <= 0.5
    votes = annotate(data.labels, other, share, annotators=50)
    assert (votes.sum(dim=1) == 50).all()
    disagreement = 1 - votes.max(dim=1).values / 50
    sure, unsure = disagreement[share < 0.1].mean(), disagreement[share > 0.4].mean()
    assert sure < 0.1 and unsure > 0.3
    clear, _, none = shapes_with_blend(16, seed=0)
    assert float(none.max()) == 0 and torch.equal(clear.labels, data.labels[:16])


def test_balanced_takes_from_the_front_or_the_back() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    assert balanced(labels, 2, 2).tolist() == [0, 1] and balanced(labels, 2, 2, last=True).tolist() == [4, 5]
    with pytest.raises(InputError, match="multiple of 2"):
        balanced(labels, 3, 2)
    with pytest.raises(InputError, match="class 0 has 3"):
        balanced(labels, 8, 2)


def test_splits_do_not_overlap_and_do_not_depend_on_the_seed() -> None:
    config = TrainConfig(dataset="shapes", train_images=256, held_out=64, test_images=64, batch_size=32)
    a, b = datasets.load(config), datasets.load(config.replace(seed=7))
    assert torch.equal(a.train.images, b.train.images) and torch.equal(a.held_out.images, b.held_out.images)
    sets = [{bytes(x.numpy().tobytes()) for x in s.images} for s in (a.train, a.held_out, a.test)]
    assert [len(s) for s in sets] == [256, 64, 64]
    assert not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]


def test_missing_cifar_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cifar100 is not at .*cifar-100-python"):
        cifar("cifar100", tmp_path)


def test_unknown_data_set() -> None:
    with pytest.raises(InputError, match="unknown data set 'cifar'; allowed: cifar10, cifar100"):
        cifar("cifar")


def test_real_cifar_where_it_is_present() -> None:
    try:
        train, test = cifar("cifar10")
    except InputError:
        pytest.skip("CIFAR-10 is not in the data root")
    assert (len(train), len(test), train.classes) == (50_000, 10_000, 10)
    assert torch.bincount(train.labels).tolist() == [5000] * 10
    assert train.images[0].float().mean().item() == pytest.approx(103.4, abs=1)
