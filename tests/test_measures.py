"""What is measured at the end of a run: wired, named, and right against slow references."""

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from PIL import Image

from ssllib import losses, norms
from ssllib.augment import to_float
from ssllib.engine import data as datasets
from ssllib.engine import loop, methods
from ssllib.engine.data import ImageSet, human_labels
from ssllib.engine.data.shapes import others
from ssllib.engine.evaluation import at_the_end, confidence, latents_2d, trained
from ssllib.engine.loop import train
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError

TINY = TrainConfig(
    dataset="shapes", train_images=128, held_out=64, test_images=64, backbone="mini", width=4, proj_hidden=8,
    proj_dim=8, proj_norm=False, batch_size=32, epochs=1, schedule_epochs=4, warmup_epochs=0.5, crop_min=0.3,
    knn_k=10,
)  # fmt: skip


def test_measures_add_numbers_and_change_none() -> None:
    plain = train(TINY)
    full = train(TINY.replace(measures=("knn", "linear", "spread", "samples")))
    assert plain.final.items() <= full.final.items()
    for row, more in zip(plain.history, full.history, strict=True):
        assert row.items() <= more.items()
    assert {"knn_test_top5", "knn10_projector_test_top5", "linear_test", "linear_test_top5", "variance",
            "spherical_variance", "uniformity", "alignment_test"} <= full.final.keys()  # fmt: skip
    assert full.final["knn_test_top5"] >= full.final["knn_test"]
    right = full.arrays["right"]
    assert 100 * right.mean() == pytest.approx(full.final["knn_test"])
    assert full.arrays["norm_projector"].mean() == pytest.approx(full.final["norm_projector_test"], rel=1e-3)


def test_fine_tuning_is_recorded_for_each_share_of_labels() -> None:
    final = train(TINY.replace(measures=("finetune-frozen", "finetune"), finetune_epochs=1)).final
    for name in ("finetune", "finetune_frozen"):
        assert {f"{name}_{share}" for share in (10, 50, 100)} <= final.keys()
        assert final[f"{name}_rate"] in at_the_end.RATES and 0 <= final[f"{name}_10_val"] <= 100


def test_an_imbalanced_run_is_asked_with_each_bank() -> None:
    config = TINY.replace(train_images=0, imbalance=1.5, batch_size=16, measures=("knn",))
    result = train(config)
    assert {"knn_full_test", "knn_balanced_test", "knn_balanced_projector_test"} <= result.final.keys()
    sizes = torch.bincount(datasets.load(config).train.labels).tolist()
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 10 * sizes[-1]
    assert result.arrays["class_size"].tolist() == sizes
    for name in ("knn", "knn_full", "knn_balanced"):  # the test images are balanced, so classes weigh alike
        assert result.arrays[f"class_{name}"].mean() == pytest.approx(result.final[f"{name}_test"], abs=1e-3)
    halves = [result.final["head_knn_test"], result.final["tail_knn_test"]]
    assert np.mean(halves) == pytest.approx(result.final["knn_test"])
    assert result.arrays["class_knn"][: len(sizes) // 2].mean() == pytest.approx(halves[0], abs=1e-3)
    assert "class_size" not in train(TINY.replace(measures=("knn",))).arrays


def test_evaluations_at_powers_of_two_leave_the_training_as_it_is() -> None:
    often = train(TINY.replace(epochs=4))
    seldom = train(TINY.replace(epochs=4, evaluate_at="powers of two"))
    assert seldom.final == often.final
    assert ["knn_val" in row for row in seldom.history] == [True, True, True, False, True]
    assert [r["loss"] for r in seldom.history] == [r["loss"] for r in often.history]


@pytest.mark.parametrize("loss", ["attraction", "repulsion", "dcl", "vicreg", "barlow-twins", "triplet"])
def test_every_loss_trains(loss: str) -> None:
    result = train(TINY.replace(loss=loss, lr=0.01))
    assert result.status == "finished" and all(map(math.isfinite, result.history[-1].values()))
    assert result.history[-1]["loss"] != train(TINY.replace(lr=0.01)).history[-1]["loss"]


def test_a_divergence_of_the_last_step_is_recorded() -> None:
    config = TINY.replace(batch_size=128, lr=1e4, weight_decay=10.0, epochs=4, warmup_epochs=0.0)  # one step an epoch
    result = train(config)
    assert result.status == "diverged" and result.final == {}


def test_anchors_see_only_the_labels_they_may() -> None:
    config = TINY.replace(anchor_weight=1.0, label_share=0.25)
    data = datasets.load(config).train
    shown = loop._shown(data, config)
    known = shown.labels >= 0
    assert int(known.sum()) == len(data) // 4 and torch.equal(shown.labels[known], data.labels[known])
    model = methods.build(config).train()
    a, b = torch.rand(2, 16, 3, 32, 32, generator=torch.Generator().manual_seed(0)).unbind()
    labels = torch.tensor([0, -1, 3, -1] * 4)
    loss, out = model(a, b, labels)
    y = labels.repeat(2)
    expected = losses.info_nce(*out["projector"].chunk(2), 0.5)
    expected = expected + losses.cloa_anchor(out["projector"][y >= 0], y[y >= 0], model.anchors)
    torch.testing.assert_close(loss, expected)
    assert train(config).status == "finished"
    assert train(config.replace(loss="none")).status == "finished"


# --- the plane ---------------------------------------------------------------------------------------------


def test_plane_is_kept_at_every_evaluation_and_survives_a_stop(tmp_path: Path) -> None:
    config = TINY.replace(proj_dim=2, measures=("plane",), epochs=2)
    whole = train(config)
    assert {"angle_entropy", "antipodal_share"} <= whole.history[0].keys()
    assert sorted(whole.arrays) == ["plane_0", "plane_1", "plane_2"]
    assert whole.arrays["plane_2"].shape == (2, 128, 2)

    class Stop(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("epoch   2"):
            raise Stop

    with pytest.raises(Stop):
        train(config, checkpoints=tmp_path, progress=stop)
    rest = train(config, checkpoints=tmp_path)
    assert rest.history == whole.history and rest.arrays.keys() == whole.arrays.keys()
    for name, array in rest.arrays.items():
        np.testing.assert_array_equal(array, whole.arrays[name])


def test_entropy_and_antipodes_of_angles() -> None:
    even = torch.arange(3600) * 2 * math.pi / 3600
    assert latents_2d.angle_entropy(even) == pytest.approx(1.0, abs=1e-3)
    assert latents_2d.antipodal_share(even) == pytest.approx(25, abs=0.2)
    for axis in (0.0, 1.0, 2.9):
        ends = axis + torch.tensor([0.0, math.pi]).repeat(50)
        assert latents_2d.antipodal_share(ends) == 100
        assert latents_2d.angle_entropy(ends) == pytest.approx(math.log(2) / math.log(36))
    near = 0.7 + torch.tensor([0.3, -0.3, math.pi, 0.5, -0.5])  # pi / 8 is 0.39
    assert latents_2d.antipodal_share(near) == pytest.approx(60)


# --- real images' measures, on made-up CIFARs --------------------------------------------------------------


@pytest.fixture
def cifars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small sets in the place of CIFAR-10 and CIFAR-100, and people's labels for the first."""
    from ssllib.engine.data import cifar as reader
    from ssllib.engine.data import human_labels

    def made(name: str, root: object = None) -> tuple[ImageSet, ImageSet]:
        classes = 10 if name == "cifar10" else 100
        g = torch.Generator().manual_seed(classes)
        sets = []
        for each in (20, 12) if classes == 10 else (4, 2):
            n = each * classes
            images = torch.randint(0, 256, (n, 3, 32, 32), generator=g, dtype=torch.uint8)
            sets.append(ImageSet(images, torch.arange(n) % classes, classes))
        return sets[0], sets[1]

    def noisy(name: str, kind: str, clean: torch.Tensor, root: object = None) -> torch.Tensor:
        return torch.where(torch.arange(len(clean)) % 3 == 0, (clean + 1) % 10, clean)

    def votes(clean: torch.Tensor, root: object = None) -> torch.Tensor:
        found = torch.ones(len(clean), 10, dtype=torch.int64)
        found[torch.arange(len(clean)), clean] += torch.arange(len(clean)) + 1
        return found

    monkeypatch.setattr(reader, "cifar", made)
    monkeypatch.setattr(human_labels, "cifar_n", noisy)
    monkeypatch.setattr(human_labels, "cifar10_h", votes)


REAL = TINY.replace(dataset="cifar10", train_images=0, held_out=20, test_images=0)


def test_confidence_and_people(cifars: None) -> None:
    config = REAL.replace(measures=("confidence", "people"), epochs=0)
    final = train(config).final
    splits, model = datasets.load(config), methods.build(config).eval()

    def length(data: ImageSet) -> torch.Tensor:
        with torch.no_grad():
            return torch.linalg.vector_norm(model.embed(data.images.float() / 255)["projector"], dim=1)

    torch.manual_seed(config.seed)
    model = methods.build(config).eval()
    other = datasets.load(confidence.other_set(config))
    own, asked = length(splits.train), length(splits.test)
    assert final["norm_ratio_cifar10_test"] == pytest.approx(float(asked.mean() / own.mean()), rel=1e-4)
    new = length(other.test)
    assert final["norm_ratio_cifar100_test"] == pytest.approx(float(new.mean() / own.mean()), rel=1e-4)
    wins = (asked[:, None] > new).double() + 0.5 * (asked[:, None] == new)
    assert final["auroc_ood_cifar100_test"] == pytest.approx(float(wins.mean()), abs=1e-3)

    doubt = human_labels.entropy(human_labels.cifar10_h(splits.test.labels))
    assert final["spearman_norm_entropy"] == pytest.approx(norms.spearman(asked, doubt), abs=0.02)
    lowest = []
    for c in range(10):
        where = torch.nonzero(splits.test.labels == c)[:, 0]
        lowest.append(doubt[where[asked[where].argsort()[:10]]].mean())
    assert final["entropy_lowest10"] == pytest.approx(float(torch.stack(lowest).mean()), rel=1e-3)


def test_transfer_is_asked_with_the_other_sets_own_images(cifars: None) -> None:
    """k-NN against a loop over the test images of the other set; the rest of the run is left as it is."""
    config = REAL.replace(held_out=100, knn_k=5, measures=("transfer",))
    model = methods.build(config).eval()
    splits = datasets.load(config)
    where = torch.device("cpu")
    found, _ = at_the_end._transfer(trained.Trained(model, splits, config, None, where))
    other = datasets.load(config.replace(dataset="cifar100"))
    with torch.no_grad():
        bank, asked = (model.embed(to_float(d.images))["backbone"].double() for d in (other.train, other.test))
    right = 0
    for z, y in zip(asked, other.test.labels.tolist(), strict=True):
        cosine = torch.nn.functional.cosine_similarity(bank, z[None], dim=1)
        votes = torch.zeros(100, dtype=torch.float64)
        for i in cosine.argsort(descending=True)[:5].tolist():
            votes[other.train.labels[i]] += math.exp(float(cosine[i]) / config.knn_temperature)
        right += int(votes.argmax()) == y
    assert found["transfer_knn_cifar100"] == pytest.approx(100 * right / len(other.test), abs=1)
    assert 0 <= found["transfer_linear_cifar100"] <= 100
    plain = train(config.replace(measures=()))
    asked_too = train(config)
    assert plain.history == asked_too.history and plain.final.items() <= asked_too.final.items()
    with pytest.raises(InputError, match="measure 'transfer' with shapes"):
        TINY.replace(measures=("transfer",))


def test_confidence_and_people_of_shapes() -> None:
    """Against the definitions, image by image, on the network as it starts."""
    config = TINY.replace(measures=("confidence", "people"), epochs=0, width=16, proj_dim=64)
    result = train(config)
    torch.manual_seed(config.seed)
    model, splits = methods.build(config).eval(), datasets.load(config)

    def length(data: ImageSet) -> list[float]:
        with torch.no_grad():
            return torch.linalg.vector_norm(model.embed(data.images.float() / 255)["projector"], dim=1).tolist()

    own = length(splits.train)
    known = sum(own) / len(own)
    asked, new = length(splits.test), length(others(config.test_images, seed=2))
    assert len(new) == len(asked) and confidence.other_data(config, None)[0] == "others"
    assert result.final["norm_ratio_shapes_test"] == pytest.approx(sum(asked) / len(asked) / known, rel=1e-4)
    assert result.final["norm_ratio_others_test"] == pytest.approx(sum(new) / len(new) / known, rel=1e-4)
    foreign = length(others(config.train_images, seed=1))
    assert result.final["norm_ratio_others_train"] == pytest.approx(sum(foreign) / len(foreign) / known, rel=1e-4)
    wins = sum((a > b) + 0.5 * (a == b) for a in asked for b in new) / (len(asked) * len(new))
    assert result.final["auroc_ood_others_test"] == pytest.approx(wins, abs=1e-3)

    data, said = confidence.blends()
    n = length(data)
    np.testing.assert_allclose(result.arrays["norm_blends"], n, rtol=1e-3)
    doubts = []
    for votes in said["votes"].tolist():
        assert sum(votes) == 50
        doubts.append(-sum(v / 50 * math.log(v / 50) for v in votes if v))
    lowest, highest = [], []
    for c in range(8):
        order = sorted((i for i in range(len(n)) if int(data.labels[i]) == c), key=lambda i: n[i])
        lowest += [doubts[i] for i in order[:10]]
        highest += [doubts[i] for i in order[-10:]]
    assert result.final["entropy_lowest10"] == pytest.approx(sum(lowest) / 80, rel=1e-3)
    assert result.final["entropy_highest10"] == pytest.approx(sum(highest) / 80, rel=1e-3)
    right = [float(a == b) for a, b in zip(said["noisy"].tolist(), said["clean"].tolist(), strict=True)]
    for centre, count, mean in result.arrays["bins_shapesn"]:
        inside = [r for r, x in zip(right, n, strict=True) if min(19, int(20 * x / max(n))) == int(20 * centre)]
        assert abs(len(inside) - count) <= 3 and mean == pytest.approx(100 * sum(inside) / len(inside), abs=2)
    trend = scipy.stats.spearmanr(n, doubts).statistic
    assert result.final["spearman_norm_entropy"] == pytest.approx(trend, abs=0.01)


def test_simulated_annotators_err_and_doubt_where_patterns_blend() -> None:
    said = confidence.blends()[1]
    doubt = human_labels.entropy(said["votes"])
    agree = said["noisy"] == said["clean"]
    assert 0.6 < float(agree.double().mean()) < 0.95
    assert float(doubt[agree].mean()) < float(doubt[~agree].mean())


def test_an_untrained_network_keeps_its_weights() -> None:
    from ssllib.runs.experiments.reading_norms import untrained

    config = untrained(TINY, epochs=3)
    start, *_, end = train(config).history
    assert end["knn_val"] == pytest.approx(start["knn_val"], abs=20)
    assert end["norm_projector_val"] == pytest.approx(start["norm_projector_val"], rel=0.2)
    torch.manual_seed(config.seed)
    fresh = methods.build(config)
    kept: list[dict] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.at_the_end, "measure", lambda t: (kept.append(t.model.state_dict()), ({}, {}))[1])
        train(config)
    for name, value in fresh.named_parameters():
        torch.testing.assert_close(kept[0][name], value, rtol=0, atol=1e-4)


def test_scores_of_reliability_are_those_of_loops(cifars: None) -> None:
    config = REAL.replace(measures=("confidence",), epochs=0)
    result = train(config)
    torch.manual_seed(config.seed)
    model, splits = methods.build(config).eval(), datasets.load(config)
    with torch.no_grad():
        bank, asked = (model.embed(s.images.float() / 255) for s in (splits.train, splits.test))
    known = torch.nn.functional.normalize(bank["backbone"], dim=1)
    rows = []
    for z, truth in zip(asked["backbone"], splits.test.labels.tolist(), strict=True):
        cosine = known @ torch.nn.functional.normalize(z, dim=0)
        near = cosine.argsort(descending=True)[: config.knn_k].tolist()
        votes = [0.0] * 10
        for i in near:
            votes[int(splits.train.labels[i])] += math.exp(float(cosine[i] - 1) / config.knn_temperature)
        best, second = sorted(votes, reverse=True)[:2]
        rows.append((votes.index(best) == truth, (best - second) / sum(votes), float(cosine.max())))
    scores = {"margin": [r[1] for r in rows], "nearest": [r[2] for r in rows]}
    scores["norm"] = torch.linalg.vector_norm(asked["projector"], dim=1).tolist()
    for name, values in scores.items():
        right = [v for v, r in zip(values, rows, strict=True) if r[0]]
        wrong = [v for v, r in zip(values, rows, strict=True) if not r[0]]
        share = sum((a > b) + 0.5 * (a == b) for a in right for b in wrong) / (len(right) * len(wrong))
        assert result.final[f"auroc_right_{name}"] == pytest.approx(share, abs=0.02), name
        order = sorted(range(len(rows)), key=lambda i: -values[i])[: len(rows) // 4]
        at_a_quarter = 100 * sum(rows[i][0] for i in order) / len(order)
        row = result.arrays["coverage"][("norm", "margin", "nearest").index(name)]
        assert row[4] == pytest.approx(at_a_quarter, abs=4), name
        assert row[-1] == pytest.approx(100 * len(right) / len(rows), abs=1), name


def test_accuracy_at_coverages() -> None:
    score = torch.tensor([4.0, 3.0, 2.0, 1.0]).repeat_interleave(5)
    named = torch.tensor([True, True, False, False]).repeat_interleave(5)
    found = confidence.accuracy_at_coverages(score, named)
    assert found.shape == (20,) and found[:10].eq(100).all()
    assert found[19] == 50 and found[14] == pytest.approx(200 / 3)


def test_missing_data_are_said_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cifar100 is not at"):
        train(REAL.replace(measures=("confidence",)), data_root=str(tmp_path))


# --- other sets ------------------------------------------------------------------------------------------


def test_a_folder_of_class_folders_trains(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, each in (("train", 20), ("val", 6)):
        for name in ("a", "b", "c"):
            folder = tmp_path / "pets" / part / name
            folder.mkdir(parents=True)
            for i in range(each):
                Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    config = TINY.replace(
        dataset="folder:pets", image_size=32, train_images=0, held_out=6, test_images=0, batch_size=16,
        measures=("knn",),
    )  # fmt: skip
    result = train(config, data_root=str(tmp_path))
    assert result.status == "finished" and 0 <= result.final["knn_test"] <= 100
    splits = datasets.load(config, str(tmp_path))
    assert (len(splits.train), len(splits.held_out), len(splits.test)) == (54, 6, 18)
    with pytest.raises(InputError, match="no folder of pictures at"):
        train(config.replace(dataset="folder:birds"), data_root=str(tmp_path))


def test_held_out_images_of_an_uneven_set_are_in_proportion() -> None:
    labels = torch.tensor([0] * 100 + [1] * 50 + [2] * 3)
    data = ImageSet(torch.zeros(153, 3, 2, 2, dtype=torch.uint8), labels, 3)
    out = datasets.in_proportion(data, 30)
    assert torch.bincount(labels[out], minlength=3).tolist() == [20, 10, 1]
    assert out.tolist() == [*range(80, 100), *range(140, 150), 152]


def test_images_that_do_not_fit_stay_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the labels move and the images follow batch by batch; here the bookkeeping, on one device."""
    data = datasets.load(TINY).train
    index = torch.tensor([3, 1])
    taken = data.take(index)
    assert torch.equal(taken.images, data.images[index]) and torch.equal(taken.labels, data.labels[index])


def test_a_compiled_backbone_gives_the_same_run() -> None:
    plain = train(TINY)
    with pytest.MonkeyPatch.context() as patch:
        compile_ = torch.nn.Module.compile
        patch.setattr(torch.nn.Module, "compile", lambda m: compile_(m, backend="eager"))
        compiled = train(TINY, compiled=True)
    for a, b in zip(plain.history, compiled.history, strict=True):
        assert a == pytest.approx(b, rel=1e-4)
    assert compiled.speed["compiled"] == 1 and "compiled" not in plain.speed
